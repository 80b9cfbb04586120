use std::fmt::Write;

use super::*;
use crate::plan::rng::Draw;

#[track_caller]
fn assert_same(sent: &str, listed: &str) {
    assert!(is_same_payload(sent, listed, Agreement::Same), "{sent} and {listed}");
}

#[track_caller]
fn assert_other(sent: &str, listed: &str) {
    assert!(!is_same_payload(sent, listed, Agreement::Same), "{sent} and {listed}");
}

#[test]
fn one_value_is_spelt_in_many_ways() {
    for (sent, listed) in [
        (r#"{"n":7,"data":"x"}"#, r#"{"n": 7, "data": "x"}"#),
        (r#"{"n":7,"data":"x"}"#, "\t{\r\n  \"data\" : \"x\",\n  \"n\" : 7\n}\n"),
        (r#"{"a":{"b":[1,2],"c":null},"d":true}"#, r#"{"d":true,"a":{"c":null,"b":[1,2]}}"#),
        (r#"{"a":"é"}"#, r#"{"a":"\u00e9"}"#),
        (r#"{"é":1,"z":2}"#, r#"{"z":2,"\u00E9":1}"#),
        (r#"{"a":"x/y"}"#, r#"{"a":"x\/y"}"#),
        (r#"{"a":"<b>&"}"#, r#"{"a":"\u003cb\u003e\u0026"}"#),
        (r#"{"a":"\t\"\\"}"#, r#"{"a":"\u0009\u0022\u005c"}"#),
        (r#"{"a":"😀"}"#, r#"{"a":"\ud83d\ude00"}"#),
        (r#"{"a":"\ud800"}"#, r#"{"a": "\uD800"}"#),
        (r#"{"a":"\u0000"}"#, r#"{ "a": "\u0000" }"#),
        ("1", "1.0"),
        ("1.0", "1e0"),
        ("1", "10e-1"),
        ("100", "1E+2"),
        ("0.001", "1e-3"),
        ("-12.50", "-0.125e2"),
        ("0", "-0.0"),
        ("0e5", "0"),
        ("0", "0e99999999999999999999"),
        ("12345678901234567890", "12345678901234567890.000"),
        ("1e400", "10e399"),
        ("[]", "[ ]"),
        ("{}", "{ }"),
        // The last of two members counts.
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (r#"{"a":2}"#, r#"{"a":1,"\u0061":2}"#),
    ] {
        assert_same(sent, listed);
        assert_same(listed, sent);
    }
}

#[test]
fn values_that_differ_a_little_are_told_apart() {
    for (sent, listed) in [
        ("1", "1.0000000000000000000001"),
        ("0.1", "0.10000000000000001"),
        ("12345678901234567890", "12345678901234567000"),
        ("9007199254740993", "9007199254740992"),
        ("1e400", "1e401"),
        ("1", "-1"),
        ("10", "1"),
        ("100", "1"),
        ("0.1", "0.01"),
        ("1", "true"),
        ("0", "false"),
        ("0", "null"),
        ("[]", "{}"),
        ("[1,2]", "[2,1]"),
        ("[1,2]", "[1,2,2]"),
        ("[[1],2]", "[[1,2]]"),
        ("{}", r#"{"a":null}"#),
        (r#"{"a":1}"#, r#"{"A":1}"#),
        (r#"{"a":1}"#, r#"{"a":1,"b":1}"#),
        (r#"{"a":1,"b":2}"#, r#"{"a":2,"b":1}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":1}"#),
        (r#"{"a":"x"}"#, r#"{"a":"x "}"#),
        // One letter in two Unicode forms.
        (r#"{"a":"é"}"#, r#"{"a":"e\u0301"}"#),
        (r#"{"a":"\ud800"}"#, r#"{"a":"\ud801"}"#),
        (r#"{"a":"\ud800"}"#, r#"{"a":"\ufffd"}"#),
        (r#"{"a":"\ud800"}"#, r#"{"a":"?"}"#),
        (r#"{"a":1}"#, r#"{"a":"1"}"#),
        // Only a whole payload may stand inside a string.
        (r#"{"a":{"b":1}}"#, r#"{"a":"{\"b\":1}"}"#),
    ] {
        assert_other(sent, listed);
        assert_other(listed, sent);
    }
}

#[test]
fn a_payload_may_stand_inside_a_string_that_stands_inside_a_string() {
    let sent = r#"{"n":1,"a":"\"b\""}"#;
    let listed = r#"{"a": "\"b\"", "n": 1.0}"#;
    let changed = r#"{"a": "\"b\"", "n": 2}"#;
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    assert_same(sent, &quoted(listed));
    assert_same(sent, &quoted(&quoted(listed)));
    assert_same(sent, &quoted(&quoted(&quoted(listed))));
    assert_other(sent, &quoted(changed));
    assert_other(sent, &quoted(&quoted(changed)));
    // A string that was sent is a value, not a payload inside a string.
    assert_same(r#""7""#, r#" "\u0037" "#);
    assert_other(r#""7""#, "7");
}

#[test]
fn a_text_that_is_not_json_has_no_value() {
    for listed in [
        "",
        " ",
        "{",
        r#"{"a":1"#,
        r#"{"a":1}}"#,
        r#"{"a":1,}"#,
        r#"{"a":01}"#,
        r#"{"a":1.}"#,
        r#"{'a':1}"#,
        r#"{a:1}"#,
        "{\"a\":1,\"b\":\"\n\"}",
        "[object Object]",
        "NaN",
        "\"",
        "\"{\"",
        "\u{feff}{\"a\":1}",
    ] {
        assert_other(r#"{"a":1}"#, listed);
    }
}

#[test]
fn no_nesting_is_too_deep() {
    let depth = 300;
    let nested =
        |inner: &str| format!("{}{inner}{}", r#"{"b":[0, "#.repeat(depth), r#"],"a":1}"#.repeat(depth));
    let spelt = |inner: &str| format!("{}{inner}{}", r#"{"a":1.0,"b":[0,"#.repeat(depth), "]}".repeat(depth));
    assert_same(&nested("7"), &spelt("7"));
    assert_other(&nested("7"), &spelt("8"));
    let endless = "[".repeat(1_000_000);
    assert_other(&nested("7"), &endless);
    assert_other(r#"{"n":7}"#, &format!("{endless}{}", "]".repeat(1_000_000)));
}

/// A JSON value that can be spelt in many ways.
#[derive(Clone, Debug)]
enum Tree {
    Word(&'static str),
    /// Digits x 10^exponent, negative if so.
    Number {
        is_negative: bool,
        digits: u64,
        exponent: i64,
    },
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

const LETTERS: [char; 12] = ['a', 'Z', '0', '/', '"', '\\', '\n', '\u{1}', 'é', '語', '😀', ' '];

fn text(draw: &mut Draw) -> String {
    (0..draw.below(6)).map(|_| LETTERS[draw.below(LETTERS.len() as u64) as usize]).collect()
}

fn tree(draw: &mut Draw, depth: u64) -> Tree {
    match draw.below(if depth == 0 { 3 } else { 5 }) {
        0 => Tree::Word(["true", "false", "null"][draw.below(3) as usize]),
        1 => Tree::Number {
            is_negative: draw.below(2) == 0,
            digits: draw.below(1 << 60) >> draw.below(60),
            exponent: draw.below(41) as i64 - 20,
        },
        2 => Tree::Text(text(draw)),
        3 => Tree::List((0..draw.below(4)).map(|_| tree(draw, depth - 1)).collect()),
        _ => {
            let name = |at| format!("{}{at}", text(draw));
            let names: Vec<String> = (0..3).map(name).collect();
            let members = names.into_iter().map(|name| (name, tree(draw, depth - 1)));
            Tree::Object(members.collect())
        }
    }
}

fn space(draw: &mut Draw, out: &mut String) {
    out.push_str(["", "", " ", "\n\t"][draw.below(4) as usize]);
}

fn spell_text(text: &str, draw: &mut Draw, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '/' if draw.below(2) == 0 => out.push_str("\\/"),
            '"' | '\\' if draw.below(2) == 0 => out.extend(['\\', letter]),
            '\n' if draw.below(2) == 0 => out.push_str("\\n"),
            '"' | '\\' | '\u{0}'..='\u{1f}' => write!(out, "\\u{:04x}", letter as u32).unwrap(),
            _ if draw.below(2) == 0 => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04X}").unwrap();
                }
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

fn spell_number(is_negative: bool, digits: u64, exponent: i64, draw: &mut Draw, out: &mut String) {
    let zeros = if digits > 0 { draw.below(3) as usize } else { 0 };
    let fraction = draw.below(25) as usize;
    let digits = format!("{digits}{}", "0".repeat(zeros));
    let padded = format!("{digits:0>width$}", width = fraction + 1);
    let (whole, rest) = padded.split_at(padded.len() - fraction);
    let exponent = exponent - zeros as i64 + fraction as i64;
    out.push_str(if is_negative { "-" } else { "" });
    out.push_str(whole);
    if fraction > 0 {
        write!(out, ".{rest}").unwrap();
    }
    if exponent != 0 || draw.below(2) == 0 {
        let sign = if exponent >= 0 && draw.below(2) == 0 { "+" } else { "" };
        write!(out, "{}{sign}{exponent}", ["e", "E"][draw.below(2) as usize]).unwrap();
    }
}

fn spell(tree: &Tree, draw: &mut Draw, out: &mut String) {
    space(draw, out);
    match tree {
        Tree::Word(word) => out.push_str(word),
        Tree::Number { is_negative, digits, exponent } => {
            spell_number(*is_negative, *digits, *exponent, draw, out);
        }
        Tree::Text(text) => spell_text(text, draw, out),
        Tree::List(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                spell(item, draw, out);
            }
            out.push(']');
        }
        Tree::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            draw.shuffle(&mut members);
            out.push('{');
            for (place, (name, member)) in members.into_iter().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                space(draw, out);
                spell_text(name, draw, out);
                space(draw, out);
                out.push(':');
                spell(member, draw, out);
            }
            out.push('}');
        }
    }
    space(draw, out);
}

fn spelt(tree: &Tree, draw: &mut Draw) -> String {
    let mut out = String::new();
    spell(tree, draw, &mut out);
    out
}

/// Changes one leaf, name or length of a tree.
fn change(tree: &mut Tree, draw: &mut Draw) {
    match tree {
        Tree::Word(word) => *word = if *word == "null" { "false" } else { "null" },
        Tree::Number { is_negative, digits, exponent } => match draw.below(3) {
            0 if *digits > 0 => *is_negative = !*is_negative,
            1 if *digits > 0 => *exponent += 1,
            _ => *digits += 1,
        },
        Tree::Text(text) => text.push('a'),
        Tree::List(items) if items.is_empty() || draw.below(4) == 0 => items.push(Tree::Word("null")),
        Tree::List(items) => {
            let place = draw.below(items.len() as u64) as usize;
            change(&mut items[place], draw);
        }
        Tree::Object(members) => {
            let place = draw.below(members.len() as u64) as usize;
            match draw.below(4) {
                0 => drop(members.remove(place)),
                1 => members[place].0.push('x'),
                _ => change(&mut members[place].1, draw),
            }
        }
    }
}

#[test]
fn any_spelling_of_a_value_is_equal_and_any_change_of_it_is_not() {
    for seed in 0..3_000 {
        let draw = &mut Draw::stream(seed, 0);
        let tree = tree(draw, 4);
        let sent = spelt(&tree, draw);
        let mut listed = spelt(&tree, draw);
        let mut changed = tree.clone();
        change(&mut changed, draw);
        let mut changed = spelt(&changed, draw);
        for _ in 0..draw.below(3) {
            for text in [&mut listed, &mut changed] {
                let mut quoted = String::new();
                spell_text(text, draw, &mut quoted);
                *text = quoted;
            }
        }
        assert!(is_same_payload(&sent, &listed, Agreement::Same), "{seed}: {sent} and {listed}");
        assert!(!is_same_payload(&sent, &changed, Agreement::Same), "{seed}: {sent} and {changed}");
    }
}

#[test]
fn a_value_contains_what_was_sent_and_perhaps_more() {
    let contains = |sent: &str, listed: &str| is_same_payload(sent, listed, Agreement::Contained);
    for (sent, listed) in [
        (r#"{"a":1}"#, r#"{"a":1.0,"added":true}"#),
        (r#"{"a":{"b":[{"c":1}]}}"#, r#"{"a":{"b":[{"c":1,"d":2}],"e":3},"f":4}"#),
        (r#"{"a":1}"#, r#""{\"x\":2,\"a\":1}""#),
        ("{}", r#"{"a":1}"#),
    ] {
        assert!(contains(sent, listed), "{sent} in {listed}");
        assert!(!is_same_payload(sent, listed, Agreement::Same), "{sent} and {listed}");
    }
    for (sent, listed) in [
        (r#"{"a":1}"#, r#"{"b":1}"#),
        (r#"{"a":1,"b":2}"#, r#"{"a":1}"#),
        (r#"{"a":1}"#, r#"{"a":2,"b":1}"#),
        ("[1]", "[1,2]"),
        (r#"{"a":{"b":1}}"#, r#"{"a":{"c":1}}"#),
    ] {
        assert!(!contains(sent, listed), "{sent} in {listed}");
    }
}
