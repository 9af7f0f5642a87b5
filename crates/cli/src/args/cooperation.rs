//! Working together with other cities.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Verdict;

/// The way from an idea to a signed agreement.
const WAY: &str = "The way to an agreement:
  isopolity cooperation draft --id bridge --kind joint-partnership --with OTHER-CITY --title \"A bridge@en\" …
  isopolity cooperation propose HOST/bridge
  isopolity cooperation terms HOST/bridge > terms.json, edit it, isopolity cooperation counter HOST/bridge terms.json
  isopolity cooperation accept HOST/bridge                     each city
  isopolity cooperation sign HOST/bridge --office Mayor        each city
  isopolity cooperation activate HOST/bridge
HOST is the id of the city that proposes. \"isopolity inbox\" shows what waits for whom.";

#[derive(Debug, Subcommand)]
#[command(after_help = WAY)]
pub(crate) enum Cooperation {
    /// Begin a draft; no other city learns of it until it is proposed
    Draft(Box<NewDraft>),
    /// Change a draft; what is not named stays as it is
    Edit(Box<EditDraft>),
    /// Delete a draft
    Discard {
        /// The cooperation: HOST/ID, for example feira.example/protocol
        name: String,
    },
    /// Send a draft to the other cities
    Propose(Plain),
    /// List the cooperations in which this city takes part, those that changed last first
    List(ListCooperations),
    /// Show one: who stands where, terms, contributions side by side, milestones, what waits for whom
    Show {
        /// The cooperation: HOST/ID
        name: String,
    },
    /// List what happened, in order
    History {
        /// The cooperation: HOST/ID
        name: String,
        /// Only what came after this event
        #[arg(long, default_value_t = 0, value_name = "N")]
        after: i64,
    },
    /// Print the present terms as a file, to be edited for counter or amend
    Terms {
        /// The cooperation: HOST/ID
        name: String,
        /// Of a draft: all of it, for edit
        #[arg(long)]
        draft: bool,
        /// The amendment that is on offer, not the terms that hold
        #[arg(long, conflicts_with = "draft")]
        amendment: bool,
    },
    /// Offer other terms instead of those on offer
    Counter(OtherTerms),
    /// Accept the terms on offer, or an amendment, for the city
    #[command(disable_version_flag = true)]
    Accept(Accept),
    /// Decline a proposal; that is final, for all cities
    Decline(Ending),
    /// Take this city's own proposal back
    Withdraw(Ending),
    /// Sign the agreed terms
    Sign(Sign),
    /// Begin what every city has signed
    Activate {
        /// The first day, YYYY-MM-DD [default: today]
        #[arg(long, default_value = "", hide_default_value = true, value_name = "DATE")]
        from: String,
        #[command(flatten)]
        plain: Plain,
    },
    /// Offer other terms while it is active; the present ones hold until every city has accepted
    Amend(OtherTerms),
    /// Offer to go on until another day, with nothing else changed
    Renew {
        /// The new last day, YYYY-MM-DD
        #[arg(long, value_name = "DATE")]
        until: String,
        /// Why, as TEXT or TEXT@LANGUAGE; may be repeated in other languages
        #[arg(long, value_name = "TEXT")]
        text: Vec<String>,
        #[command(flatten)]
        plain: Plain,
    },
    /// Decline an amendment, or take this city's own back; the present terms stay
    DeclineAmendment(Ending),
    /// Say that this city considers it done, and what came of it
    Conclude {
        /// What came of it, as TEXT or TEXT@LANGUAGE; may be repeated in other languages
        #[arg(long, required = true, value_name = "TEXT")]
        outcome: Vec<String>,
        #[command(flatten)]
        plain: Plain,
    },
    /// End it before it is done; one city is enough
    Terminate(Ending),
    /// Answer an enquiry, or a question about a record
    Answer(AnswerQuestion),
    /// Say something to the other cities
    Say {
        /// The cooperation: HOST/ID
        name: String,
        /// What, as TEXT or TEXT@LANGUAGE; further texts say the same in other languages
        #[arg(required = true)]
        text: Vec<String>,
        /// The event that it answers, as history numbers them
        #[arg(long, default_value_t = 0, value_name = "N")]
        reply_to: i64,
    },
    /// Say what is to be done by whom until when, and what is done
    #[command(subcommand)]
    Milestone(Milestone),
    /// Attach a document: its hash and where it is. The file itself does not travel
    Attach(Attach),
    /// Approve a step that somebody else took for this city
    Approve(OneStep),
    /// Drop a step that awaits approval, was overtaken or was refused
    Drop(OneStep),
    /// Write the whole history into a file that "isopolity verify" checks without a node
    Export {
        /// The cooperation: HOST/ID
        name: String,
        /// The file to write [default: standard output]
        #[arg(long, visible_alias = "out", value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Say what this city knows of another city's record; its registry shows it
    Confirm {
        /// The record, for example cities/feira.example/agreements/protocolo-kenitra-2013
        record: String,
        #[command(flatten)]
        stated: Stated,
        /// Do so even if the record's city can't be asked for it first
        #[arg(long)]
        unseen: bool,
    },
}

/// A step that says nothing of its own.
#[derive(Debug, Args)]
pub(crate) struct Plain {
    /// The cooperation: HOST/ID, for example feira.example/protocol
    pub(crate) name: String,
    /// Check, but do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A step that ends something.
#[derive(Debug, Args)]
pub(crate) struct Ending {
    /// The cooperation: HOST/ID
    pub(crate) name: String,
    /// Why; the other cities read it
    #[arg(long)]
    pub(crate) reason: String,
    /// Check, but do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NewDraft {
    /// The draft as JSON or TOML; - for JSON on standard input. Flags add to it
    pub(crate) file: Option<PathBuf>,
    /// The last part of its name: a to z, 0 to 9 and - [default: given by the node]
    #[arg(long, default_value = "", hide_default_value = true, value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) content: Content,
    /// Check, but write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EditDraft {
    /// The cooperation: HOST/ID
    pub(crate) name: String,
    /// The whole draft as JSON or TOML, as "terms --draft" prints it; - for JSON on standard input
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) content: Content,
}

/// What a draft says, as far as flags can say it.
#[derive(Debug, Args)]
pub(crate) struct Content {
    /// What it is for
    #[arg(long, value_enum)]
    pub(crate) kind: Option<KindWord>,
    /// Another city that takes part, by id; may be repeated
    #[arg(long, value_name = "CITY")]
    pub(crate) with: Vec<String>,
    /// What it is called, as TEXT or TEXT@LANGUAGE ("Protocolo@pt"); may be repeated in other languages
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Vec<String>,
    /// What is to be done together, likewise
    #[arg(long, value_name = "TEXT")]
    pub(crate) summary: Vec<String>,
    /// The question, or what to say along with the terms, likewise
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Vec<String>,
    /// A record that it is about, by resource name; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) subject: Vec<String>,
    /// What a city wants from it, as "CITY: TEXT@LANGUAGE"; may be repeated
    #[arg(long, value_name = "CITY: TEXT")]
    pub(crate) aim: Vec<String>,
    /// What a city contributes, for example "feira.example: funding 5000 EUR by 2014-06-30: a stand at the fair"; may be repeated.
    /// Kinds: funding, staff-time, premises, equipment, expertise, contacts, meeting, evaluation, communication. Days of work:
    /// "kenitra.example: staff-time 12 days: interpreters"
    #[arg(long, value_name = "CITY: KIND …: TEXT")]
    pub(crate) commit: Vec<String>,
    /// What kind of agreement comes of it: twinning, friendship, memorandum-of-understanding, cooperation-protocol,
    /// project-agreement, letter-of-intent, network-membership, informal
    #[arg(long, value_name = "KIND")]
    pub(crate) agreement: Option<String>,
    /// Who may see that agreement [default: federation]
    #[arg(long, value_enum)]
    pub(crate) audience: Option<AgreementAudience>,
    /// How many meetings a year are agreed
    #[arg(long, value_name = "N")]
    pub(crate) meetings: Option<i32>,
    /// The first day, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// The last day, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<String>,
    /// Until when an answer is waited for, YYYY-MM-DD [default: 60 days]
    #[arg(long, value_name = "DATE")]
    pub(crate) reply_by: Option<String>,
    /// A referral: what the organisation, which is the first subject, looks for, as TEXT or TEXT@LANGUAGE
    #[arg(long, value_name = "TEXT")]
    pub(crate) need: Vec<String>,
    /// A referral: the office's mailbox to which the agency may write
    #[arg(long)]
    pub(crate) mailbox: Option<String>,
    /// A referral: the day on which the organisation agreed to it, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    pub(crate) consent_date: Option<String>,
    /// A referral: where its consent is kept
    #[arg(long, value_name = "TEXT")]
    pub(crate) consent_reference: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KindWord {
    /// A question to other cities; it ends with the answers
    Enquiry,
    /// An organisation is referred to another city's agency, with its consent
    Referral,
    /// A partnership that the cities carry together; ends in an agreement
    JointPartnership,
    /// Good practices are exchanged
    GoodPracticeExchange,
    /// Another city is asked to say of a record that it is so; to say so yourself, use confirm
    Confirmation,
    /// Cities find out whether two records are of the same thing
    DuplicateResolution,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AgreementAudience {
    /// Everyone
    Public,
    /// Partner cities
    Federation,
    /// Each city's own staff
    Internal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateWord {
    /// Being written; no other city knows of it
    Draft,
    /// Offered to the other cities
    Proposed,
    /// Every city accepted the same terms
    Agreed,
    /// Signed and begun
    Active,
    /// Done
    Concluded,
    /// A city did not want it
    Declined,
    /// Taken back
    Withdrawn,
    /// Its time is over
    Expired,
    /// Ended by a city
    Terminated,
}

#[derive(Debug, Args)]
pub(crate) struct ListCooperations {
    /// Only those that stand there; may be repeated
    #[arg(long, value_enum)]
    pub(crate) state: Vec<StateWord>,
    /// Only those that have not ended
    #[arg(long, conflicts_with = "state")]
    pub(crate) open: bool,
    /// Only this kind; may be repeated
    #[arg(long, value_enum)]
    pub(crate) kind: Vec<KindWord>,
    /// Only those in which this city takes part, by id
    #[arg(long, default_value = "", hide_default_value = true, value_name = "CITY")]
    pub(crate) city: String,
    /// Only those about this record, by resource name
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    pub(crate) subject: String,
    /// How many at most
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct OtherTerms {
    /// The cooperation: HOST/ID
    pub(crate) name: String,
    /// The terms as JSON or TOML, as "terms" prints them; - for JSON on standard input
    pub(crate) file: PathBuf,
    /// Why, as TEXT or TEXT@LANGUAGE; may be repeated in other languages
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Vec<String>,
    /// Check, but do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Accept {
    /// The cooperation: HOST/ID
    pub(crate) name: String,
    /// The office for which it is accepted, for example "International Relations"
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) office: String,
    /// Accept these terms and no others, without asking
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<i32>,
    /// Accept what is shown without asking
    #[arg(long)]
    pub(crate) yes: bool,
    /// Check, but do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The cooperation: HOST/ID
    pub(crate) name: String,
    /// The office that signed, for example Mayor. An office, not a person
    #[arg(long)]
    pub(crate) office: String,
    /// The day of the signature, YYYY-MM-DD [default: today]
    #[arg(long, value_name = "DATE")]
    pub(crate) date: Option<String>,
    /// The decision on which it rests, for example a council resolution's number
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub(crate) decision: String,
    /// Where it was signed
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) place: String,
    /// Check, but do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AnswerQuestion {
    /// The cooperation: HOST/ID
    pub(crate) name: String,
    /// The answer in words, as TEXT or TEXT@LANGUAGE; may be repeated in other languages
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Vec<String>,
    /// For a confirmation: what this city says of the record
    #[arg(long, value_enum)]
    pub(crate) stance: Option<Stance>,
    /// The record [default: what the question is about, if that is one record]
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    pub(crate) record: String,
    /// This city's own record of the same thing
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    pub(crate) mirror: String,
    /// For a duplicate: whether the records are of the same thing
    #[arg(long, value_enum, conflicts_with = "stance")]
    pub(crate) verdict: Option<Verdict>,
    /// Check, but do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What a city says of a record.
#[derive(Debug, Args)]
pub(crate) struct Stated {
    /// What this city says of it
    #[arg(long, value_enum)]
    pub(crate) stance: Stance,
    /// This city's own record of the same thing
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    pub(crate) mirror: String,
    /// Since when, YYYY-MM-DD, YYYY-MM or YYYY; with ended: the end [default: today]
    #[arg(long, default_value = "", hide_default_value = true, value_name = "DATE")]
    pub(crate) date: String,
    /// A remark, as TEXT or TEXT@LANGUAGE; may be repeated in other languages
    #[arg(long, value_name = "TEXT")]
    pub(crate) remark: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Stance {
    /// It is as stated
    Confirmed,
    /// It is not as stated
    Disputed,
    /// It existed and has ended
    Ended,
    /// Nothing is known of it here
    Unknown,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Milestone {
    /// Set a milestone, or change one that is open
    Set {
        /// The cooperation: HOST/ID
        name: String,
        /// The milestone's id: a to z, 0 to 9 and -
        id: String,
        /// What is to be done, as TEXT or TEXT@LANGUAGE; may be repeated in other languages
        #[arg(long, value_name = "TEXT")]
        title: Vec<String>,
        /// The city that does it, by id
        #[arg(long, value_name = "CITY")]
        owner: Option<String>,
        /// By when, YYYY-MM-DD
        #[arg(long, value_name = "DATE")]
        due: Option<String>,
        /// It is dropped
        #[arg(long)]
        dropped: bool,
    },
    /// Say that one of this city's milestones is done
    Done {
        /// The cooperation: HOST/ID
        name: String,
        /// The milestone's id
        id: String,
        /// When, YYYY-MM-DD [default: today]
        #[arg(long, value_name = "DATE")]
        date: Option<String>,
        /// What came of it, as TEXT or TEXT@LANGUAGE; may be repeated in other languages
        #[arg(long, value_name = "TEXT")]
        outcome: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Attach {
    /// The cooperation: HOST/ID
    pub(crate) name: String,
    /// The file on this machine; its SHA-256 is what is attached
    pub(crate) file: PathBuf,
    /// What it is called, as TEXT or TEXT@LANGUAGE [default: the file's name]
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Vec<String>,
    /// Where the others can read it, https://…
    #[arg(long, default_value = "", hide_default_value = true, value_name = "ADDRESS")]
    pub(crate) uri: String,
    /// Where it is kept if it has no address: a register and a number
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub(crate) reference: String,
    /// A language in which it is written, for example pt; may be repeated
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) language: Vec<String>,
    /// Its date, YYYY-MM-DD, YYYY-MM or YYYY
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) date: String,
    /// Its media type [default: by the file's ending]
    #[arg(long, value_name = "TYPE")]
    pub(crate) media_type: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct OneStep {
    /// The cooperation: HOST/ID
    pub(crate) name: String,
    /// The step's id, as show prints it [default: the only one there is]
    pub(crate) step: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Inbox {
    /// Only what waits for this city, by id
    #[arg(long, default_value = "", hide_default_value = true, value_name = "CITY", conflicts_with = "own")]
    pub(crate) city: String,
    /// Only what waits for this city itself
    #[arg(long)]
    pub(crate) own: bool,
    /// Go on telling what changes, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
    /// How many at most, 1 to 1,000
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: i32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Delivery {
    /// List what waits to be delivered to other cities and what was given up, the oldest first
    List {
        /// Only to this city, by id
        #[arg(long, default_value = "", hide_default_value = true, value_name = "CITY")]
        city: String,
        /// Only what was given up
        #[arg(long)]
        dead: bool,
        /// Also what was delivered
        #[arg(long, conflicts_with = "dead")]
        all: bool,
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Try anew what was given up or waits: one delivery, all to a city, or all
    #[command(group(clap::ArgGroup::new("which").required(true)))]
    Redrive {
        /// The delivery's id, as list prints it
        #[arg(group = "which")]
        delivery: Option<String>,
        /// All to this city, by id
        #[arg(long, value_name = "CITY", group = "which")]
        city: Option<String>,
        /// All
        #[arg(long, group = "which")]
        all: bool,
    },
}
