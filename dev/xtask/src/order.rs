//! Orders the module's functions so that those that look alike are side by side: what repeats is then
//! near, which a compressor writes in fewer bits. The order means nothing to a browser.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;

use anyhow::Result;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, FunctionSection, Module};
use wasmparser::{
    CodeSectionReader, FunctionBody, FunctionSectionReader, Parser, Payload, TypeRef,
};

/// Pieces of so many bytes are compared: an instruction and a half, on the average.
const PIECE: usize = 4;

/// The module with its functions in such an order; the same for the same module.
///
/// # Errors
/// When it is no module.
pub fn ordered(wasm: &[u8]) -> Result<Vec<u8>> {
    let (mut imported, mut bodies) = (0, Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        if let Payload::CodeSectionEntry(body) = payload {
            bodies.push(body.as_bytes());
        } else if let Payload::ImportSection(imports) = payload {
            for import in imports.into_imports() {
                imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
            }
        }
    }
    let order = neighbours(&bodies);
    let mut places: Vec<u32> = (0..imported + order.len()).map(|at| at as u32).collect();
    for (place, function) in order.iter().enumerate() {
        places[imported + function] = (imported + place) as u32;
    }
    let mut module = Module::new();
    let mut reordering = Reordering { order, places };
    reordering.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
}

/// An order in which each function follows the one that is most like it, of those that are left:
/// that shares the largest part of the pieces of both.
fn neighbours(bodies: &[&[u8]]) -> Vec<usize> {
    // By number, the functions that have a piece; by function, the numbers of its pieces.
    let mut having: Vec<Vec<usize>> = Vec::new();
    let mut numbers = HashMap::new();
    let mut pieces: Vec<Vec<usize>> = Vec::new();
    for (function, body) in bodies.iter().enumerate() {
        let distinct: BTreeSet<&[u8]> = body.windows(PIECE).collect();
        let distinct = distinct.into_iter().map(|piece| {
            let number = *numbers.entry(piece).or_insert_with(|| {
                having.push(Vec::new());
                having.len() - 1
            });
            having[number].push(function);
            number
        });
        pieces.push(distinct.collect());
    }
    let longest = (0..bodies.len()).max_by_key(|function| bodies[*function].len());
    let mut left: BTreeSet<usize> = (0..bodies.len()).collect();
    let mut order = Vec::new();
    let mut next = longest;
    while let Some(function) = next {
        left.remove(&function);
        order.push(function);
        let mut shared = vec![0_usize; bodies.len()];
        for other in pieces[function].iter().flat_map(|piece| &having[*piece]) {
            shared[*other] += 1;
        }
        let likeness = |other: &usize| {
            let (shared, own) = (shared[*other], pieces[function].len());
            shared as f64 / (own + pieces[*other].len() - shared).max(1) as f64
        };
        // The first of those that are alike.
        next = left
            .iter()
            .copied()
            .rev()
            .max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    }
    order
}

/// Writes a module anew, with its functions in another order.
struct Reordering {
    /// By place, the function's number among those that are not imported.
    order: Vec<usize>,
    /// By number among all, the new one.
    places: Vec<u32>,
}

impl Reencode for Reordering {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Infallible>> {
        Ok(self.places[function as usize])
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        let types = section.into_iter().collect::<Result<Vec<u32>, _>>()?;
        for function in &self.order {
            functions.function(types[*function]);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        let bodies = section
            .into_iter()
            .collect::<Result<Vec<FunctionBody>, _>>()?;
        for function in self.order.clone() {
            utils::parse_function_body(self, code, bodies[function].clone())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::neighbours;

    #[test]
    fn functions_that_share_most_follow_each_other() {
        let bodies: [&[u8]; 5] = [
            b"abcdefgh",
            b"12345678",
            b"abcdefghijk",
            b"12345",
            b"bcdefghi",
        ];
        assert_eq!(neighbours(&bodies), [2, 0, 4, 1, 3]);
    }

    #[test]
    fn functions_without_pieces_are_all_there() {
        let mut order = neighbours(&[b"a", b"", b"b"]);
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2]);
    }
}
