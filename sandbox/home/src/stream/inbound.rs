//! The second connection of an inbound permission: takes data in and acknowledges it.

use std::sync::Arc;

use paho_mqtt::{Message, QoS};
use tokio::sync::watch;

use super::link::{Link, LinkEvent};
use super::shared::{Mode, Shared};
use crate::Schema;
use crate::record::acknowledge;
use crate::report::{Inbound, KEPT_INBOUND};

/// Receives until the permission has ended.
pub(crate) async fn receive(shared: Arc<Shared>, mut link: Link) {
    let mut mode = shared.mode.subscribe();
    // What was said before this task first ran is to be followed as well.
    mode.mark_changed();
    loop {
        tokio::select! {
            event = link.next() => handle(&shared, &link, event),
            changed = mode.changed() => {
                if changed.is_err() || follow(&shared, &mut link, &mode).await {
                    break;
                }
            }
        }
    }
    link.hold().await;
    shared
        .report
        .update(|report| report.inbound_connected = false);
}

/// Does what the mode says; true at the end.
async fn follow(shared: &Shared, link: &mut Link, mode: &watch::Receiver<Mode>) -> bool {
    let mode = *mode.borrow();
    match mode {
        Mode::Online => link.resume(),
        Mode::Offline => {
            link.hold().await;
            shared
                .report
                .update(|report| report.inbound_connected = false);
        }
        Mode::Ended => return true,
    }
    false
}

fn handle(shared: &Shared, link: &Link, event: LinkEvent) {
    match event {
        LinkEvent::Up { subscription } => {
            shared.report.subscribed(subscription);
            shared
                .report
                .update(|report| report.inbound_connected = true);
        }
        LinkEvent::Down { reason } => shared.report.update(|report| {
            report.inbound_connected = false;
            report.disconnect_reason = reason.or(report.disconnect_reason);
        }),
        LinkEvent::Failed(failure) => shared.report.attempt_failed(&failure),
        LinkEvent::Message(message) => take(shared, link, &message),
    }
}

fn take(shared: &Shared, link: &Link, message: &Message) {
    // An empty message is the broker's way to say that a kept one was removed.
    if message.payload().is_empty() {
        return;
    }
    let now = shared.clock.now();
    shared.report.update(|report| {
        report.inbound_received += 1;
        if report.inbound.len() >= KEPT_INBOUND {
            report.inbound.remove(0);
        }
        report.inbound.push(Inbound {
            received_at: now,
            topic: message.topic().to_owned(),
            payload: message.payload_str().into_owned(),
            retained: message.retained(),
        });
    });
    let answer = || {
        let base = shared.credentials.acknowledgement_topic.as_ref()?;
        let schema = Schema::of_topic(message.topic())?;
        let document = shared.random.uuid();
        let payload = acknowledge(schema, &shared.origin, message.payload(), now, document)?;
        let topic = Schema::Acknowledgement.topic_below(base);
        link.connection()?
            .publish(Message::new(topic, payload, QoS::AtMostOnce))
    };
    if answer().is_some() {
        shared
            .report
            .update(|report| report.inbound_acknowledged += 1);
    }
}
