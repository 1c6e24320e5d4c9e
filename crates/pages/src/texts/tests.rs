use jiff::civil::date;

use super::*;

fn texts(files: &[(&str, &str)]) -> Result<Texts, String> {
    Texts::new(files).map_err(|error| error.to_string())
}

#[test]
fn variables_stay_text_and_plurals_follow_the_language() {
    let texts = texts(&[
        (
            "en",
            "hello = Hello, { $name }!\nmeters = { $count ->\n    [one] one meter\n   *[other] { $count } meters\n }",
        ),
        (
            "es",
            "hello = ¡Hola, { $name }!\nmeters = { $count ->\n    [one] un medidor\n   *[other] { $count } medidores\n }",
        ),
    ])
    .unwrap();
    let es = texts.in_language("es").unwrap();
    assert_eq!(
        es.say_with("hello", &[("name", "{ $x } <b>".into())]),
        "¡Hola, { $x } <b>!"
    );
    assert_eq!(es.say_with("meters", &[("count", 1.into())]), "un medidor");
    assert_eq!(es.say_with("meters", &[("count", 3.into())]), "3 medidores");
    assert_eq!(texts.first().language(), "en");
    assert_eq!(texts.first().say("nothing"), "nothing");
}

#[test]
fn numbers_and_dates_are_written_as_the_language_does() {
    let all = texts(&[("en", ""), ("es", ""), ("de", "")]).unwrap();
    let written: Vec<String> = all
        .languages()
        .iter()
        .map(|words| {
            let time = date(2026, 3, 8)
                .at(15, 5, 0, 0)
                .in_tz("America/Los_Angeles");
            [
                words.number(1_234_567),
                words.decimal("-1000.50"),
                words.date(date(2026, 3, 8)),
                words.time(&time.unwrap()),
            ]
            .join(" | ")
        })
        .collect();
    assert_eq!(
        written,
        [
            "1,234,567 | −1,000.50 | March 8, 2026 | March 8, 2026, 3:05 PM PDT",
            "1,234,567 | −1,000.50 | 8 de marzo de 2026 | 8 de marzo de 2026, 15:05 PDT",
            "1.234.567 | −1.000,50 | 8. März 2026 | 8. März 2026, 15:05 PDT",
        ]
    );
    assert_eq!(all.first().decimal("<b>"), "<b>");
    assert_eq!(all.first().decimal("12"), "12");
}

#[test]
fn languages_that_differ_are_refused() {
    let refused = |files: &[(&str, &str)]| texts(files).unwrap_err();
    assert!(refused(&[]).contains("at least one"));
    assert!(refused(&[("english!", "a = b")]).contains("code of a language"));
    assert!(refused(&[("en", "a =\n")]).contains("not well formed"));
    let missing = refused(&[("en", "a = b\nc = d"), ("es", "a = b")]);
    assert!(
        missing.contains("\"es\" have no message \"c\""),
        "{missing}"
    );
    let missing = refused(&[("en", "a = b"), ("es", "a = b\nc = d")]);
    assert!(
        missing.contains("\"en\" have no message \"c\""),
        "{missing}"
    );
    let other = refused(&[("en", "a = { $one }"), ("es", "a = { $two }")]);
    assert!(
        other.contains("\"one\"") && other.contains("\"two\""),
        "{other}"
    );
    // A new language brings what all pages say.
    let missing = refused(&[("en", "a = b"), ("fr", "a = b")]);
    assert!(missing.contains("\"fr\" have no message"), "{missing}");
    let (_, german) = COMMON[0];
    assert!(texts(&[("en", "a = b"), ("nl", &format!("a = b\n{german}"))]).is_ok());
}
