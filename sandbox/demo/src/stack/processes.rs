//! The services of a stack as processes: started, ended, counted.

use std::io;
use std::net::TcpListener;
use std::process::Command;

use test_support::process::{Process, ProcessError};
use test_support::{binary, ports};

use super::service::TOGETHER;
use super::settings::{is_listener, is_secret};
use super::setup::{ask, is_ready};
use super::{DATABASE, SERVICES, START_LIMIT, Service, Stack, StackError};

impl Stack {
    /// Kills every replica of a service with −9.
    pub fn kill(&mut self, name: &str) -> Result<(), StackError> {
        self.end(name, usize::MAX, Process::kill)
    }

    /// Kills one replica of a service with −9, the oldest.
    pub fn kill_one(&mut self, name: &str) -> Result<(), StackError> {
        self.end(name, 1, Process::kill)
    }

    /// Ends one replica of a service in order (SIGTERM), and waits until it has ended.
    pub fn terminate(&mut self, name: &str) -> Result<(), StackError> {
        self.end(name, 1, Process::terminate)
    }

    fn end(
        &mut self,
        name: &str,
        mut most: usize,
        signal: fn(&Process) -> Result<(), ProcessError>,
    ) -> Result<(), StackError> {
        let (mut rest, mut output) = (Vec::new(), String::new());
        for (service, internal, mut process) in std::mem::take(&mut self.services) {
            if service.name != name || most == 0 {
                rest.push((service, internal, process));
                continue;
            }
            most -= 1;
            signal(&process)?;
            process.wait(START_LIMIT)?;
            output.push_str(&process.output());
        }
        self.services = rest;
        self.ended.push_str(&output);
        Ok(())
    }

    /// Starts a service again, after [`Stack::kill`].
    pub fn restart(&mut self, name: &str) -> Result<(), StackError> {
        self.kill(name)?;
        self.add(name)
    }

    /// Starts one more replica of a service, and waits until it is ready.
    pub fn add(&mut self, name: &str) -> Result<(), StackError> {
        let known = SERVICES.into_iter().chain([TOGETHER]);
        for service in known.filter(|service| service.name == name) {
            let (internal, process) = self.spawn(service)?;
            self.services.push((service, internal, process));
        }
        Ok(())
    }

    /// Everything the services and nginx have logged.
    #[must_use]
    pub fn logs(&self) -> String {
        let mut logs = self.ended.clone();
        logs.extend(self.services.iter().map(|(_, _, process)| process.output()));
        logs.push_str(&self.nginx.access_log());
        logs.push_str(&self.nginx.error_log());
        logs
    }

    /// What each running replica of a service has logged.
    #[must_use]
    pub fn logs_of(&self, name: &str) -> Vec<String> {
        let replicas = self
            .services
            .iter()
            .filter(|(service, ..)| service.name == name);
        replicas.map(|(_, _, process)| process.output()).collect()
    }

    /// What each running service tells Prometheus, one after the other.
    pub fn metrics(&self) -> io::Result<String> {
        let mut metrics = String::new();
        for (_, internal, _) in &self.services {
            metrics.push_str(&ask(*internal, "/metrics")?);
        }
        Ok(metrics)
    }

    fn spawn(&self, service: Service) -> Result<(u16, Process), StackError> {
        let mut command = Command::new(binary::path("metergate")?);
        let internal = ports::free();
        command.arg("serve");
        let database_url = if service == TOGETHER {
            self.database_url()
        } else {
            command.arg(service.name);
            let login = format!("demo_{}", service.role);
            self.cluster
                .url_as(&login, &self.database_password, DATABASE)
        };
        command
            .env_clear()
            .envs(
                self.settings
                    .iter()
                    .filter(|(name, _)| {
                        service == TOGETHER
                            || !is_secret(name)
                            || service.secrets.contains(&name.as_str())
                    })
                    .cloned(),
            )
            .env("METERGATE_DATABASE_URL", database_url)
            .env(
                "METERGATE_INTERNAL_ADDRESS",
                format!("127.0.0.1:{internal}"),
            );
        // nginx knows one of the replicas; a further one on this machine listens elsewhere.
        for (name, address) in self.settings.iter().filter(|it| is_listener(&it.0)) {
            if TcpListener::bind(address).is_err() {
                command.env(name, format!("127.0.0.1:{}", ports::free()));
            }
        }
        let mut process = Process::spawn(service.name, command)?;
        process.wait_for("readiness", START_LIMIT, |_| is_ready(internal))?;
        Ok((internal, process))
    }
}
