//! Gives the index library the words of a text, as [`isopolity_domain::text::words`] cuts them.

use isopolity_domain::text::words;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Gives the index the words of a text.
#[derive(Clone, Debug)]
pub(crate) struct Words;

pub(crate) struct Stream {
    words: std::vec::IntoIter<String>,
    token: Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = Stream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream {
        Stream { words: words(text).into_iter(), token: Token::default() }
    }
}

impl TokenStream for Stream {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else { return false };
        self.token.text = word;
        // A token begins before the first.
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_their_place_and_long_ones_are_cut_between_letters() {
        let long = "語".repeat(3) + &"é".repeat(99) + &"ж".repeat(99);
        let mut stream = Words;
        let mut stream = stream.token_stream(&long);
        let mut tokens = Vec::new();
        stream.process(&mut |token| tokens.push((token.position, token.text.clone())));
        assert_eq!(tokens.len(), 4);
        assert_eq!(tokens[2], (2, "語".to_owned()));
        assert_eq!(tokens[3], (3, "e".repeat(99)), "the next letter takes two bytes");
    }
}
