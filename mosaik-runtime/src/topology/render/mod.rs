//! The graph as text: Mermaid, DOT, JSON and SVG. One graph always gives one text, byte for byte.

mod dot;
mod json;
mod layout;
mod mermaid;
mod svg;
mod text;

use std::{fmt, str::FromStr};

use super::graph::Graph;

/// What a graph can be written as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Mermaid, for documents.
    #[default]
    Mermaid,
    /// DOT, for Graphviz.
    Dot,
    /// JSON, for tools.
    Json,
    /// SVG, for people.
    Svg,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Mermaid, Self::Dot, Self::Json, Self::Svg];

    /// The word of the command line, also the usual file extension.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mermaid => "mermaid",
            Self::Dot => "dot",
            Self::Json => "json",
            Self::Svg => "svg",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a format: use `mermaid`, `dot`, `json` or `svg`")]
pub struct NotAFormat(String);

impl FromStr for Format {
    type Err = NotAFormat;

    fn from_str(text: &str) -> Result<Self, NotAFormat> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| NotAFormat(text.to_owned()))
    }
}

impl Graph {
    /// Writes the graph; the text ends with a line break.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Mermaid => mermaid::render(self),
            Format::Dot => dot::render(self),
            Format::Json => json::render(self),
            Format::Svg => svg::render(self),
        }
    }
}

#[cfg(test)]
mod tests;
