//! Fenced blocks of a Markdown page, and the commands in its `console` blocks.
//!
//! In a `console` block a line that begins with `$ ` is a command for bash. A command goes on in
//! the next line after a `\` at its end, in lines that begin with `> `, and up to the end of a
//! here-document. Every other line shows output. A comment at the command's end may give its exit
//! code (`# exit 1`; 0 otherwise) or say that it goes on running (`# background`; `&` does the
//! same).

use anyhow::{Context, Result, ensure};

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub struct Fence {
    /// Word after the backticks.
    pub language: String,
    /// Number of its first line in the page.
    pub line: usize,
    /// Its lines, without the indent that the fence has.
    pub lines: Vec<String>,
}

/// A `console` block with at least one command.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// Its commands, in order.
    pub commands: Vec<Command>,
}

/// A command as the page shows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// Number of its line in the page.
    pub line: usize,
    /// Text for bash, of one line or several.
    pub text: String,
    /// Code that it has to end with.
    pub exit: i32,
    /// True if it goes on running beside the commands after it.
    pub is_background: bool,
}

/// Returns all fenced blocks of a page.
#[must_use]
pub fn fences(page: &str) -> Vec<Fence> {
    let mut found: Vec<Fence> = Vec::new();
    // The backticks and the indent of the block that is open.
    let mut open: Option<(String, usize)> = None;
    for (index, line) in page.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let ticks: String = line.trim_start().chars().take_while(|sign| *sign == '`').collect();
        match &open {
            None if ticks.len() >= 3 => {
                let language = line.trim_start()[ticks.len()..].split([' ', ',']).next().unwrap_or_default();
                found.push(Fence { language: language.to_owned(), line: index + 2, lines: Vec::new() });
                open = Some((ticks, indent));
            }
            Some((opening, _)) if ticks.len() >= opening.len() && line.trim() == ticks => open = None,
            Some((_, outer)) => {
                let inner = line.get(indent.min(*outer)..).unwrap_or_default().to_owned();
                found.last_mut().expect("a block that is open was found").lines.push(inner);
            }
            None => {}
        }
    }
    found
}

/// Returns the `console` blocks of a page that show a command.
pub fn commands(page: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    for fence in fences(page).iter().filter(|fence| fence.language == "console") {
        let commands = commands_of(fence)?;
        if !commands.is_empty() {
            blocks.push(Block { commands });
        }
    }
    Ok(blocks)
}

fn commands_of(fence: &Fence) -> Result<Vec<Command>> {
    let mut commands = Vec::new();
    let mut lines = fence.lines.iter().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        let Some(first) = line.strip_prefix("$ ") else { continue };
        let line = fence.line + index;
        let (mut text, exit, is_background) = annotated(first).with_context(|| format!("line {line}"))?;
        if let Some(end) = here_document_end(&text).map(str::to_owned) {
            loop {
                let (_, next) = lines.next().with_context(|| format!("line {line}: `{end}` never comes"))?;
                let next = next.strip_prefix("> ").unwrap_or(next);
                text += &format!("\n{next}");
                if next == end.as_str() {
                    break;
                }
            }
        }
        while let Some((_, next)) =
            lines.next_if(|(_, next)| text.ends_with('\\') || next.as_str() == ">" || next.starts_with("> "))
        {
            text += &format!("\n{}", next.strip_prefix('>').unwrap_or(next));
        }
        commands.push(Command { line, text, exit, is_background });
    }
    Ok(commands)
}

/// Splits `verify  # exit 1` into the command and what its comment says of its end.
fn annotated(line: &str) -> Result<(String, i32, bool)> {
    let line = line.trim_end();
    if let Some((command, code)) = line.rsplit_once(" # exit ") {
        let code = code.trim().parse().with_context(|| format!("`# exit {code}` has no number"))?;
        return Ok((command.trim_end().to_owned(), code, false));
    }
    let command = line.strip_suffix("# background").unwrap_or(line).trim_end();
    let command = command.strip_suffix('&').filter(|rest| !rest.ends_with('&')).unwrap_or(command);
    ensure!(!command.trim().is_empty(), "a command is empty");
    let is_background = command.len() < line.len();
    Ok((command.trim_end().to_owned(), 0, is_background))
}

/// Returns the word that ends the here-document of a command (`cat > file <<'EOF'`), if it has one.
fn here_document_end(command: &str) -> Option<&str> {
    let (_, after) = command.split_once("<<")?;
    if after.starts_with('<') {
        return None;
    }
    let word = after.trim_start_matches(['-', ' ', '\'', '"']);
    let length = word.find(|sign: char| !sign.is_alphanumeric() && sign != '_').unwrap_or(word.len());
    Some(&word[..length]).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# Page
```console
$ aggregator &
$ loadgen --count 10 \\
    --dup 0.3
done received=10
$ verify    # exit 1
FAIL
```
1. In a list:
   ```console
   $ cat > a.toml <<'EOF'
   [load]
   EOF
   $ sleep 9 # background
   $ true && false || true
   ```
```text
$ not a command
```
````md
```console
$ shown, not run
```
````
";

    #[test]
    fn commands_are_found_with_what_is_said_of_their_ends() {
        let blocks = commands(PAGE).unwrap();
        let told: Vec<_> = blocks
            .iter()
            .flat_map(|block| &block.commands)
            .map(|one| (one.line, one.text.as_str(), one.exit, one.is_background))
            .collect();
        let expected = [
            (3, "aggregator", 0, true),
            (4, "loadgen --count 10 \\\n    --dup 0.3", 0, false),
            (7, "verify", 1, false),
            (12, "cat > a.toml <<'EOF'\n[load]\nEOF", 0, false),
            (15, "sleep 9", 0, true),
            (16, "true && false || true", 0, false),
        ];
        assert_eq!(told, expected);
        assert_eq!(blocks.len(), 2);
    }

    #[test]
    fn fences_are_found_with_their_languages() {
        let languages: Vec<String> = fences(PAGE).into_iter().map(|fence| fence.language).collect();
        assert_eq!(languages, ["console", "console", "text", "md"]);
    }

    #[test]
    fn what_is_no_command_is_an_error_that_names_the_line() {
        let error = commands("```console\n$ verify # exit one\n```\n").unwrap_err();
        assert!(format!("{error:#}").contains("line 2: `# exit one` has no number"), "{error:#}");
        let error = commands("```console\n$ cat <<EOF\nno end\n```\n").unwrap_err();
        assert!(format!("{error:#}").contains("`EOF` never comes"), "{error:#}");
    }
}
