//! What households answer, also when they answer twice or two at once, and how the eligible party is told of it.

use futures_util::future::join;
use home::{Decision, Generation, Home, HomeStatus, Options};

use crate::webhook::{Receiver, SECRET};
use end_to_end::houses::ACCEPTED;
use end_to_end::houses::{EVERYTHING, FOR_2025, House, RAW, World, start};

/// The first states of a permission are of no use to the party: the webhook begins with the one that shows the code.
const UNTOLD: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn answers_count_once_and_the_party_is_told_in_order() {
    let receiver = Receiver::start();
    let mut world = start(&[("WEBHOOK_URL", &receiver.url), ("WEBHOOK_SECRET", SECRET)]).await;
    // Not taken at first: nothing overtakes it.
    receiver.answer(&[503]);
    let mut houses = Vec::new();
    for generation in Generation::ALL {
        let need = if generation == Generation::November2025 {
            FOR_2025
        } else {
            EVERYTHING
        };
        for decision in [Decision::Reject, Decision::Unfulfillable] {
            houses.push(declines(&world, &receiver, generation, need, decision).await);
        }
    }
    assert_eq!(receiver.answers_left(), 0);
    houses.push(accepts_twice(&world).await);
    houses.push(two_at_once(&world).await);
    let revoked = revoked_while_nobody_listens(&mut world, &receiver).await;
    houses.push(revoked);
    world.assert_quiet(&houses).await;
    for house in &houses {
        let told = receiver.statuses(house.permission);
        assert_eq!(
            told,
            world.party.history(house.permission).await.unwrap()[UNTOLD..],
            "the party was told otherwise"
        );
        house.home.stop().await;
    }
    receiver.stop().await;
}

async fn declines(
    world: &World,
    receiver: &Receiver,
    generation: Generation,
    need: &str,
    decision: Decision,
) -> House {
    let house = world
        .visitor(generation, need, |options| Options {
            decision,
            ..options
        })
        .await;
    house.home.scan(house.code(generation)).await.unwrap();
    let (seen, end) = if decision == Decision::Reject {
        (HomeStatus::Rejected, "REJECTED")
    } else {
        (HomeStatus::Unfulfillable, "UNFULFILLABLE")
    };
    assert_eq!(house.report().status, seen);
    let states = [ACCEPTED[0], ACCEPTED[1], ACCEPTED[2], end];
    receiver.until(house.permission, &states[UNTOLD..]).await;
    assert_eq!(world.party.history(house.permission).await.unwrap(), states);
    world.assert_nothing_given(&house).await;
    for operation in ["ACCEPT", "REJECT", "UNFULFILLABLE"] {
        assert_eq!(world.patch(&house, operation).await.0, 409, "{operation}");
    }
    assert_eq!(world.party.history(house.permission).await.unwrap(), states);
    world.assert_nothing_given(&house).await;
    house
}

/// Credentials are handed out once: whoever asks again gets none, and those of the home stay good.
async fn accepts_twice(world: &World) -> House {
    let house = world.house(Generation::June2026, RAW).await;
    let id = house.permission;
    let hash = format!("SELECT password_hash FROM aiida.aiida_mqtt_user WHERE username = '{id}'");
    let before = world.rows(&hash).await;
    for operation in ["ACCEPT", "REJECT", "UNFULFILLABLE"] {
        let (status, body) = world.patch(&house, operation).await;
        assert_eq!(status, 409, "{operation}: {body}");
        assert!(body["errors"][0]["message"].is_string(), "{body}");
        assert_eq!(body.get("password"), None);
    }
    assert_eq!(world.rows(&hash).await, before);
    world.assert_history(id, &[]).await;
    world.settle(&house).await;
    world.assert_stored(&house).await;
    house
}

/// Two homes scan the same code in the same moment: one of them has the permission.
async fn two_at_once(world: &World) -> House {
    let generation = Generation::February2026;
    let mut house = world.visitor(generation, RAW, |options| options).await;
    let other = Home::start(world.options(generation));
    let code = house.code(generation).to_owned();
    let (one, two) = join(house.home.scan(&code), other.scan(&code)).await;
    assert_eq!(
        [one.is_ok(), two.is_ok()]
            .iter()
            .filter(|won| **won)
            .count(),
        1,
        "{one:?} {two:?}"
    );
    let loser = if one.is_ok() {
        other
    } else {
        std::mem::replace(&mut house.home, other)
    };
    let id = house.permission;
    let lost = loser.report().permission(id).unwrap().clone();
    assert!(
        matches!(
            lost.status,
            HomeStatus::Stranded | HomeStatus::DetailsFailed
        ),
        "{lost:?}"
    );
    assert_eq!(loser.credentials(id).map(|it| it.username), None);
    world.assert_let_in(&house).await;
    world.assert_history(id, &[]).await;
    world
        .until(&format!(
            "SELECT count(*) >= 2 FROM aiida.message WHERE permission_id = '{id}'"
        ))
        .await;
    world.settle(&house).await;
    world.assert_stored(&house).await;
    house
}

/// The household withdraws while the receiver is down, and the service is killed over it: told all the same.
async fn revoked_while_nobody_listens(world: &mut World, receiver: &Receiver) -> House {
    let house = world.house(Generation::June2026, RAW).await;
    let id = house.permission;
    receiver.until(id, &ACCEPTED[UNTOLD..]).await;
    receiver.answer(&[500; 3]);
    let before = receiver.requests();
    house.home.revoke(id).await.unwrap();
    test_support::wait::until(
        end_to_end::houses::DEADLINE,
        "the receiver to be asked",
        async || (receiver.requests() > before).then_some(()),
    )
    .await;
    world.stack.kill("aiida-permission").unwrap();
    world.stack.add("aiida-permission").unwrap();
    world.expire_leases().await;
    let states: Vec<&str> = ACCEPTED.into_iter().chain(["REVOKED"]).collect();
    receiver.until(id, &states[UNTOLD..]).await;
    world.assert_shut_out(&house).await;
    house
}
