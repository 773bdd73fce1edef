//! Reading TOML tables with errors that know their place.

use std::ops::Range;

use burn_tune_search::did_you_mean;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::SpaceError;
use crate::source::Source;

/// One table, called `title` in messages.
pub struct TableView<'a> {
    source: &'a Source,
    title: String,
    table: &'a DeTable<'a>,
}

/// What is either called by its name or described.
pub enum NameOrTable<'a> {
    Name(String),
    Table(TableView<'a>),
}

impl<'a> TableView<'a> {
    pub fn new(source: &'a Source, title: &str, table: &'a DeTable<'a>) -> Self {
        TableView { source, title: title.to_owned(), table }
    }

    /// Keys with their places and values, in the order of the file.
    pub fn entries(
        &self,
    ) -> impl Iterator<Item = (&'a str, Range<usize>, &'a Spanned<DeValue<'a>>)> + use<'a> {
        let mut entries: Vec<_> = self
            .table
            .iter()
            .map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
            .collect();
        entries.sort_by_key(|(_, span, _)| span.start);
        entries.into_iter()
    }

    pub fn allow_only(&self, known: &[&str]) -> Result<(), SpaceError> {
        match self.entries().find(|(key, ..)| !known.contains(key)) {
            None => Ok(()),
            Some((key, span, _)) => {
                let problem = format!("{} has no key `{key}`", self.title);
                Err(self.source.error(
                    span,
                    &problem,
                    "unknown key",
                    &did_you_mean::help(key, known),
                ))
            }
        }
    }

    pub fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    pub fn span_of(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or(0..0, Spanned::span)
    }

    /// The place of the table's first key; that of the file's end where it has none.
    pub fn place(&self) -> Range<usize> {
        self.entries().next().map_or(self.end(), |(_, span, _)| span)
    }

    /// The place after the last character.
    pub fn end(&self) -> Range<usize> {
        let end = self.source.text().len();
        end..end
    }

    pub fn table(&self, key: &str) -> Result<Option<TableView<'a>>, SpaceError> {
        match self.table.get(key).map(|value| (value, value.get_ref())) {
            None => Ok(None),
            Some((_, DeValue::Table(table))) => {
                Ok(Some(TableView::new(self.source, &format!("[{key}]"), table)))
            }
            Some((value, _)) => {
                Err(self.wrong_type(key, value, "a table", &format!("write [{key}]")))
            }
        }
    }

    pub fn tables(&self, key: &str) -> Result<Vec<TableView<'a>>, SpaceError> {
        let Some(value) = self.table.get(key) else { return Ok(Vec::new()) };
        let help = format!("write [[{key}]]");
        let DeValue::Array(array) = value.get_ref() else {
            return Err(self.wrong_type(key, value, "a list of tables", &help));
        };
        array
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::Table(table) => {
                    Ok(TableView::new(self.source, &format!("[[{key}]]"), table))
                }
                _ => Err(self.wrong_type(key, item, "a list of tables", &help)),
            })
            .collect()
    }

    /// A name, or a table called `title` in messages.
    pub fn name_or_table(
        &self,
        key: &str,
        title: &str,
    ) -> Result<Option<NameOrTable<'a>>, SpaceError> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::Table(table) => {
                Ok(Some(NameOrTable::Table(TableView::new(self.source, title, table))))
            }
            DeValue::String(_) => Ok(self.string(key)?.map(NameOrTable::Name)),
            _ => Err(self.wrong_type(
                key,
                value,
                "a name, or a table with a name",
                "put the name in quotes",
            )),
        }
    }

    pub fn string(&self, key: &str) -> Result<Option<String>, SpaceError> {
        match self.table.get(key) {
            None => Ok(None),
            Some(value) => match value.get_ref().as_str() {
                Some("") => {
                    let problem = format!("`{key}` is empty");
                    Err(self.source.error(
                        value.span(),
                        &problem,
                        "here",
                        "write at least one character, or leave the key out",
                    ))
                }
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(self.wrong_type(key, value, "a string", "put it in quotes")),
            },
        }
    }

    pub fn whole(&self, key: &str, least: u64) -> Result<Option<u64>, SpaceError> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let parsed = match value.get_ref() {
            DeValue::Integer(integer) => {
                u64::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            _ => None,
        };
        match parsed.filter(|&whole| whole >= least) {
            Some(whole) => Ok(Some(whole)),
            None => {
                Err(self.wrong_type(key, value, &format!("a whole number, at least {least}"), ""))
            }
        }
    }

    pub fn number(&self, key: &str) -> Result<Option<f64>, SpaceError> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let wrong = || self.wrong_type(key, value, "a number", "such as 0.95");
        number(value).map(Some).ok_or_else(wrong)
    }

    /// A number, or a list of numbers.
    pub fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>, SpaceError> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let values = match value.get_ref() {
            DeValue::Array(array) => array.iter().map(number).collect(),
            _ => number(value).map(|number| vec![number]),
        };
        values.map(Some).ok_or_else(|| {
            self.wrong_type(key, value, "a number, or a list of numbers", "such as 0.95")
        })
    }

    /// A string, or a list of strings.
    pub fn strings(&self, key: &str) -> Result<Option<Vec<String>>, SpaceError> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let text = |value: &Spanned<DeValue>| value.get_ref().as_str().map(str::to_owned);
        let values = match value.get_ref() {
            DeValue::Array(array) => array.iter().map(text).collect(),
            _ => text(value).map(|text| vec![text]),
        };
        values.map(Some).ok_or_else(|| {
            self.wrong_type(key, value, "a string, or a list of strings", "put names in quotes")
        })
    }

    pub fn boolean(&self, key: &str) -> Result<Option<bool>, SpaceError> {
        match self.table.get(key) {
            None => Ok(None),
            Some(value) => match value.get_ref().as_bool() {
                Some(flag) => Ok(Some(flag)),
                None => Err(self.wrong_type(key, value, "true or false", "")),
            },
        }
    }

    pub fn one_of<T: Copy>(&self, key: &str, known: &[(&str, T)]) -> Result<Option<T>, SpaceError> {
        let Some(text) = self.string(key)? else { return Ok(None) };
        match known.iter().find(|(name, _)| *name == text) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                let problem = format!("there is no {key} `{text}`");
                Err(self.source.error(
                    self.span_of(key),
                    &problem,
                    "unknown",
                    &did_you_mean::help(&text, &names),
                ))
            }
        }
    }

    fn wrong_type(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        expected: &str,
        help: &str,
    ) -> SpaceError {
        let problem = format!("`{key}` must be {expected}");
        let kind = value.get_ref().type_str();
        let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
        let found = format!("this is {article} {kind}");
        let help = if help.is_empty() { format!("write {expected}") } else { help.to_owned() };
        self.source.error(value.span(), &problem, &found, &help)
    }
}

/// The finite number that a value is, whole or not.
fn number(value: &Spanned<DeValue>) -> Option<f64> {
    let text = match value.get_ref() {
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
        DeValue::Float(float) => float.as_str(),
        _ => return None,
    };
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
