//! What the other side makes a home do: commands, or in older generations the termination topic.

use paho_mqtt::Message;

use super::Streamer;
use crate::command::Command;
use crate::mischief::{Fault, Step, carry_out};
use crate::schedule::Schedule;
use crate::status::HomeStatus;

impl Streamer {
    /// A message on the command or termination topic; false when it ended the permission.
    pub(super) async fn control(&mut self, message: &Message) -> bool {
        // An empty message is the broker's way to say that a kept one was removed.
        if message.payload().is_empty() {
            return true;
        }
        if !self.shared.generation.takes_commands() {
            return self.termination(message.payload()).await;
        }
        let command = Command::parse(message.payload())
            .ok()
            .filter(|command| command.permission() == self.shared.permission)
            .filter(|command| command.is_granted(&self.shared.need.commands));
        let Some(command) = command else {
            return self.refuse();
        };
        match &command {
            Command::Terminate { .. } => {
                self.carried_out(command.name());
                return self.told_to_end().await;
            }
            _ if self.shared.mischief.has(Step::Command, Fault::NeverAnswers) => {
                carry_out(&self.shared, Step::Command).await;
                return true;
            }
            Command::UpdateTransmissionSchedule {
                transmission_schedule,
                ..
            } => match Schedule::parse(transmission_schedule) {
                Ok(schedule) => self.reschedule(schedule),
                Err(_) => return self.refuse(),
            },
            Command::SetTransmissionEnabled { enabled, .. } => {
                self.enabled = *enabled;
                self.shared
                    .report
                    .update(|report| report.transmission_enabled = *enabled);
            }
        }
        self.carried_out(command.name());
        true
    }

    /// The older way: the payload is the permission's id and nothing else.
    async fn termination(&mut self, payload: &[u8]) -> bool {
        if payload != self.shared.permission.to_string().as_bytes() {
            return self.refuse();
        }
        self.carried_out("TERMINATION");
        self.told_to_end().await
    }

    /// Confirms the end, or does what it is to do wrong instead; false when it has ended.
    async fn told_to_end(&mut self) -> bool {
        if !self.shared.mischief.at(Step::Termination).is_empty() {
            carry_out(&self.shared, Step::Termination).await;
            return true;
        }
        self.end(HomeStatus::ExternallyTerminated).await;
        false
    }

    fn refuse(&self) -> bool {
        self.shared
            .report
            .update(|report| report.commands_refused += 1);
        true
    }

    fn carried_out(&self, name: &str) {
        self.shared
            .report
            .update(|report| report.commands.push(name.to_owned()));
    }
}
