use super::*;

#[test]
fn packets_are_those_of_the_standard() {
    let message = Publish {
        qos: 2,
        retain: true,
        dup: true,
        alias: Some(7),
        ..Publish::new("a/b", b"x")
    };
    let bytes = packet::publish(&message, 5);
    assert_eq!(
        bytes,
        [0x3D, 12, 0, 3, b'a', b'/', b'b', 0, 5, 3, 0x23, 0, 7, b'x']
    );
    let login = Login {
        client_id: "c".to_owned(),
        username: "u".to_owned(),
        password: "p".to_owned(),
        clean_start: true,
        session_expiry: Some(1),
        keep_alive: 9,
        will: Some(Will {
            topic: "t".to_owned(),
            payload: b"w".to_vec(),
        }),
    };
    let expected = [
        0x10, 32, 0, 4, b'M', b'Q', b'T', b'T', 5, 0xCE, 0, 9, 5, 0x11, 0, 0, 0, 1, 0, 1, b'c', 0,
        0, 1, b't', 0, 1, b'w', 0, 1, b'u', 0, 1, b'p',
    ];
    assert_eq!(packet::connect(&login)[..], expected[..]);
    assert!(
        !format!("{login:?}").contains("\"p\""),
        "the password is not printed"
    );
}

#[test]
fn a_packet_is_taken_when_it_is_all_there() {
    let long = packet::publish(&Publish::new("t", &[0; 300]), 1);
    let mut buffer = long.get(..200).unwrap().to_vec();
    assert!(packet::take(&mut buffer).is_none());
    buffer.extend(&long[200..]);
    buffer.extend([0x40, 3, 0, 1, 135]);
    assert_eq!(packet::take(&mut buffer).unwrap().body.len(), 306);
    let answer = packet::take(&mut buffer).unwrap();
    assert_eq!(packet::verdict(&answer), Err(Answer::Refused(135)));
    assert!(buffer.is_empty());
}
