//! A template with values of any kind, and the way back from a place in it to the template.

use super::{Hole, Piece, Template};

/// A template with values, for a look at its form.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Text with the values.
    pub text: String,
    parts: Vec<Part>,
    /// Length of the template.
    end: usize,
}

/// Part of a sample, and the piece of the template that it comes from.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Place in the sample.
    start: usize,
    /// Place in the template.
    origin: usize,
    is_hole: bool,
}

impl Sample {
    /// Returns the place in the template that this place of the text comes from.
    pub fn origin(&self, at: usize) -> usize {
        if at >= self.text.len() {
            return self.end;
        }
        let part = self.parts.iter().take_while(|part| part.start <= at).last();
        part.map_or(0, |part| if part.is_hole { part.origin } else { part.origin + (at - part.start) })
    }
}

impl Template {
    /// Returns the template with these values, and where its parts come from.
    pub fn sample(&self, value: impl Fn(&Hole) -> String) -> Sample {
        let mut sample = Sample { text: String::new(), parts: Vec::new(), end: self.text.len() };
        let mut origin = 0;
        for piece in &self.pieces {
            let is_hole = matches!(piece, Piece::Hole(_));
            sample.parts.push(Part { start: sample.text.len(), origin, is_hole });
            match piece {
                Piece::Literal(text) => {
                    sample.text.push_str(&String::from_utf8_lossy(text));
                    origin += text.len();
                }
                Piece::Hole(hole) => {
                    sample.text.push_str(&value(hole));
                    origin = hole.span.end;
                }
            }
        }
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_sample_comes_from_the_template() {
        let template = Template::parse("ab{{n}}cd{{topic}}").unwrap();
        let sample = template.sample(|hole| hole.name.to_string().repeat(3));
        assert_eq!(sample.text, "abnnncdtopictopictopic");
        for (at, origin) in
            [(0, 0), (1, 1), (2, 2), (4, 2), (5, 7), (6, 8), (7, 9), (20, 9), (22, 18), (99, 18)]
        {
            assert_eq!(sample.origin(at), origin, "{at}");
        }
    }
}
