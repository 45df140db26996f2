//! Patches the generated JavaScript glue for modules that die: the facade hears of errors thrown in
//! timers, listeners and promise continuations, and those of a dead instance do nothing.

use std::path::Path;

use anyhow::{Result, ensure};

/// Pieces of the glue, and their replacements. Every closure of the glue has each of them.
const CHANGES: [(&str, &str); 3] = [
    (
        "/* @ts-self-types=\"./tollbox.d.ts\" */\n",
        "/* @ts-self-types=\"./tollbox.d.ts\" */\n\
         import { isAbandoned, stale, threw } from \"../lib/restart/closures.js\";\n",
    ),
    (
        "        if (state.instance !== __wbg_instance_id) {
            throw new Error('Cannot invoke closure from previous WASM instance');
        }
",
        "        if (state.instance !== __wbg_instance_id || isAbandoned()) {
            return stale(args[0], real);
        }
",
    ),
    (
        "            return f(a, state.b, ...args);
        } finally {
",
        "            return f(a, state.b, ...args);
        } catch (error) {
            threw(error);
            throw error;
        } finally {
",
    ),
];

/// Patches the glue in place.
///
/// # Errors
/// When it does not look as wasm-bindgen's pinned version makes it.
pub fn change(file: &Path) -> Result<()> {
    let glue = fs_err::read_to_string(file)?;
    Ok(fs_err::write(file, changed(glue)?)?)
}

fn changed(mut glue: String) -> Result<String> {
    let closures = glue.matches("__wbg_instance_id };\n    const real").count();
    for (index, (from, to)) in CHANGES.into_iter().enumerate() {
        let expected = if index == 0 { 1 } else { closures };
        ensure!(
            glue.matches(from).count() == expected && expected > 0,
            "the generated glue has changed; look through dev/xtask/src/glue.rs, which expects:\n{from}"
        );
        glue = glue.replace(from, to);
    }
    Ok(glue)
}

#[cfg(test)]
mod tests {
    use super::{CHANGES, changed};

    fn glue(closures: usize) -> String {
        let [header, check, call] = CHANGES.map(|(from, _)| from);
        let closure =
            format!("instance: __wbg_instance_id }};\n    const real = () => {{\n{check}{call}");
        format!("{header}{}", closure.repeat(closures))
    }

    #[test]
    fn every_closure_of_the_glue_is_changed() {
        let changed = changed(glue(2)).unwrap();
        for (index, (_, to)) in CHANGES.into_iter().enumerate() {
            let expected = if index == 0 { 1 } else { 2 };
            assert_eq!(changed.matches(to).count(), expected);
        }
    }

    #[test]
    fn glue_of_an_unexpected_shape_is_refused() {
        assert!(changed(glue(0)).is_err());
        let [_, (check, _), (call, _)] = CHANGES;
        assert!(changed(glue(1).replace(check, "")).is_err());
        assert!(changed(glue(2).replacen(call, "", 1)).is_err());
    }
}
