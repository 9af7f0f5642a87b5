//! Words as registries have them: a few that are in most texts, many that are in a few, and names that are nearly unique.
//!
//! Each language has words that people in this field use, the most frequent first, and a long tail of invented ones in the
//! same script. How often a word comes follows Zipf's law: the n-th is used 1/n times as often as the first. The words are
//! the same for every city and every seed, so that cities share them as real ones do.

use std::sync::LazyLock;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// Invented words of each language.
const TAIL: usize = 4_000;

const LANGUAGES: [(&str, &str, &str, &str); 10] = [
    (
        "en",
        " ",
        "the and of partnership market for in local research trade enterprise cooperation between city business with \
         export supply training small food quality investment regional growth diaspora women young craft workshop \
         distribution finance certification energy tourism logistics harbour technology university chamber mentoring \
         sustainable production network association feasibility profit customers design packaging fair",
        "ba be bri ca ce clo da der do fa fel gar ha hol in ka kel la lin lo mar men mo nel nor per ra ric ro sa sel sha \
         so ta ter tol tra va ven vi wal wen wick wor",
    ),
    (
        "fr",
        " ",
        "de la et le les des partenariat marché pour entreprise coopération ville commerce économique développement \
         formation artisanat boulangerie qualité investissement diaspora femmes jeunes étude logistique énergie tourisme \
         chambre réseau association bénéfice clients emballage équitable agriculture textile export",
        "beau bel cha cour de dré fon gé hau jou lan lé lu mar mé mon neu nou pé plai ré rie rou sa sé ter tré val vau ville",
    ),
    (
        "pt",
        " ",
        "de a e do da parceria mercado para empresa cooperação cidade comércio desenvolvimento cortiça calçado formação \
         qualidade investimento diáspora mulheres jovens estudo logística energia turismo câmara rede associação lucro \
         clientes azeite vinho exportação têxtil conservas",
        "al bar bei cal car co ção da do es fei fer fi gal gui jo la le lha lo ma mei mo nha nho pe ra rei ro sa são ta vei",
    ),
    (
        "de",
        " ",
        "und der die für partnerschaft markt unternehmen zusammenarbeit stadt handel wirtschaft forschung ausbildung \
         handwerk qualität investition diaspora frauen jugend energie logistik tourismus kammer netzwerk verein gewinn \
         kunden verpackung möbelbau maschinenbau landwirtschaft",
        "ach bach berg brück burg dorf ei feld gau grün hafen heim hof holz köln lau lein mühl neu ober rich rött schö \
         stein tal ulm vor wald zell",
    ),
    (
        "es",
        " ",
        "de la y el los asociación mercado para empresa cooperación ciudad comercio desarrollo formación artesanía \
         calidad inversión diáspora mujeres jóvenes estudio logística energía turismo cámara red beneficio clientes \
         aceite frutas exportación textil envases",
        "al bre ca ción cor da do es fa gra gue ja la lle lo ma mi mon na ña pe que ra rri sa san sol ta to val ver vi zar",
    ),
    (
        "tr",
        " ",
        "ve bir ortaklık pazar için işletme işbirliği şehir ticaret kalkınma eğitim zanaat kalite yatırım diaspora \
         kadınlar gençler araştırma lojistik enerji turizm oda ağ dernek kâr müşteri ambalaj konfeksiyon ihracat",
        "ak al ba bey can çe da de er gül hi ılı iş ka köy la lar li man mez nar ol ova öz pa ren sa şe tep tuğ ul va ya yıl",
    ),
    (
        "ar",
        " ",
        "في من شراكة سوق مؤسسة تعاون مدينة تجارة تنمية تكوين حرف جودة استثمار مهجر نساء شباب دراسة نقل طاقة سياحة غرفة \
         شبكة جمعية ربح زبائن تصدير نسيج زيت فلاحة",
        "با بر تا جم حا خا دا رم زا سا شم صا طا عا غا فا قا كا لا ما نا ها وا يا ري ني مي لي دي سي",
    ),
    (
        "uk",
        " ",
        "і та на партнерство ринок для підприємство співпраця місто торгівля розвиток навчання ремесло якість інвестиції \
         діаспора жінки молодь дослідження логістика енергія туризм палата мережа асоціація прибуток покупці експорт \
         пекарня текстиль",
        "ба бе ва ви га го да дні до жи за ка ко кі ла ли ло ма ми на не ні ов пе пол ра ри ро са ста та то хар че ща ян",
    ),
    (
        "el",
        " ",
        "και του της συνεργασία αγορά για επιχείρηση πόλη εμπόριο ανάπτυξη κατάρτιση τέχνη ποιότητα επένδυση διασπορά \
         γυναίκες νέοι έρευνα ενέργεια τουρισμός επιμελητήριο δίκτυο σύνδεσμος κέρδος πελάτες εξαγωγή ελαιόλαδο",
        "α βα γα δα ε ζα η θα ι κα κο λα λι μα μο να νι ξα ο πα πο ρα ρο σα σι τα το υ φα χα ψα ω ρου μεν",
    ),
    (
        "zh",
        "",
        "的 合作 市场 企业 城市 贸易 发展 培训 手工 质量 投资 侨民 妇女 青年 研究 物流 能源 旅游 商会 网络 协会 利润 客户 \
         出口 纺织 茶叶",
        "安 白 北 长 成 川 春 大 德 东 方 丰 福 高 光 广 海 和 河 湖 华 江 金 京 兰 林 龙 明 南 宁 平 青 泉 山 上 石 水 松 泰 天 \
         文 西 新 兴 阳 云 中 州",
    ),
];

/// How often a language comes, of a hundred records, beside English.
const SHARES: [u32; 10] = [20, 16, 14, 10, 10, 7, 9, 5, 5, 4];

/// The words of one language.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// BCP 47.
    pub(super) language: &'static str,
    space: &'static str,
    syllables: Vec<&'static str>,
    words: Vec<String>,
    /// How often this word or one before it comes, as sums.
    sums: Vec<f64>,
}

static ALL: LazyLock<Vec<Vocabulary>> = LazyLock::new(|| {
    (0_u64..)
        .zip(LANGUAGES)
        .map(|(at, (language, space, head, syllables))| {
            let syllables: Vec<&str> = syllables.split_whitespace().collect();
            let mut words: Vec<String> = head.split_whitespace().map(str::to_owned).collect();
            let mut random = StdRng::seed_from_u64(at);
            words.extend((0..TAIL).map(|_| invented(&mut random, &syllables, space.is_empty())));
            let mut sum = 0.0;
            let sums = (1_u32..).take(words.len()).map(|rank| {
                sum += 1.0 / f64::from(rank);
                sum
            });
            let sums = sums.collect();
            Vocabulary { language, space, syllables, words, sums }
        })
        .collect()
});

/// English.
pub(super) fn english() -> Option<&'static Vocabulary> {
    ALL.first()
}

/// One of the languages.
pub(super) fn any(random: &mut StdRng) -> Option<&'static Vocabulary> {
    let mut at = random.random_range(0..SHARES.iter().sum::<u32>());
    ALL.iter().zip(SHARES).find_map(|(one, share)| {
        let found = at < share;
        at = at.saturating_sub(share);
        found.then_some(one)
    })
}

impl Vocabulary {
    /// A text of so many words.
    pub(super) fn text(&self, random: &mut StdRng, words: usize) -> String {
        let mut text = String::new();
        for at in 0..words {
            if at > 0 {
                text.push_str(self.space);
            }
            text.push_str(self.word(random));
        }
        text
    }

    /// The name of a firm: invented, so hardly another has it.
    pub(super) fn name(&self, random: &mut StdRng) -> String {
        let mut name = String::new();
        for letter in invented(random, &self.syllables, self.space.is_empty()).chars() {
            if name.is_empty() {
                name.extend(letter.to_uppercase());
            } else {
                name.push(letter);
            }
        }
        name
    }

    fn word(&self, random: &mut StdRng) -> &str {
        let at = random.random_range(0.0..self.sums.last().copied().unwrap_or(1.0));
        let rank = self.sums.partition_point(|sum| *sum <= at);
        self.words.get(rank).map_or("", String::as_str)
    }
}

fn invented(random: &mut StdRng, syllables: &[&str], short: bool) -> String {
    let most = if short { 2 } else { random.random_range(2..=4) };
    (0..most).filter_map(|_| syllables.get(random.random_range(0..syllables.len().max(1)))).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_words_are_in_most_texts_and_most_words_in_few() {
        let mut random = StdRng::seed_from_u64(1);
        let english = english().unwrap();
        let texts: Vec<String> = (0..1_000).map(|_| english.text(&mut random, 20)).collect();
        let with = |word: &str| texts.iter().filter(|text| text.split(' ').any(|one| one == word)).count();
        assert!(with("the") > 600, "{}", with("the"));
        let rare = &english.words[2_000];
        assert!(with(rare) < 20, "{rare} {}", with(rare));
    }

    #[test]
    fn every_language_comes() {
        let mut random = StdRng::seed_from_u64(1);
        let found: std::collections::BTreeSet<_> = (0..1_000).map(|_| any(&mut random).unwrap().language).collect();
        assert_eq!(found.len(), LANGUAGES.len());
    }
}
