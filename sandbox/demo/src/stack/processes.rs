//! The services of a stack as processes: started, ended, counted.

use std::io;
use std::process::Command;

use test_support::process::{Process, ProcessError};
use test_support::{binary, ports};

use super::names::ADDRESSES;
use super::replica::Replica;
use super::service::TOGETHER;
use super::settings::{is_listener, is_secret};
use super::setup::ask;
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
        let mut rest = Vec::new();
        for mut replica in std::mem::take(&mut self.services) {
            if replica.service.name != name || most == 0 {
                rest.push(replica);
                continue;
            }
            most -= 1;
            signal(&replica.process)?;
            replica.process.wait(START_LIMIT)?;
            self.ended.push_str(&replica.process.output());
            self.internal_ports.push(replica.internal);
        }
        self.services = rest;
        Ok(())
    }

    /// Starts a service again, after [`Stack::kill`].
    pub fn restart(&mut self, name: &str) -> Result<(), StackError> {
        self.kill(name)?;
        self.add(name)
    }

    /// Starts one more replica of a service, and waits until it is ready.
    pub fn add(&mut self, name: &str) -> Result<(), StackError> {
        self.launch(name)?;
        self.until_ready()
    }

    /// Starts one more replica of a service, and does not wait.
    pub fn launch(&mut self, name: &str) -> Result<(), StackError> {
        let known = SERVICES.into_iter().chain([TOGETHER]);
        for service in known.filter(|service| service.name == name) {
            let replica = self.spawn(service)?;
            self.services.push(replica);
        }
        Ok(())
    }

    /// Waits until every process says that it is ready.
    pub fn until_ready(&mut self) -> Result<(), StackError> {
        for replica in &mut self.services {
            replica.until_ready()?;
        }
        Ok(())
    }

    /// The processes that were started and not ended: name of the service, process id, the oldest first. One that
    /// has ended by itself is among them.
    #[must_use]
    pub fn processes(&self) -> Vec<(&'static str, u32)> {
        let replicas = self.services.iter();
        replicas
            .map(|it| (it.service.name, it.process.id()))
            .collect()
    }

    /// Services of which a process has ended by itself, with the end of what it said.
    pub fn fallen(&mut self) -> Result<Vec<String>, StackError> {
        let mut fallen = Vec::new();
        for replica in &mut self.services {
            if !replica.process.is_running()? {
                let output = replica.process.output();
                let last = output.lines().last().unwrap_or_default();
                fallen.push(format!("{}: {last}", replica.service.name));
            }
        }
        Ok(fallen)
    }

    /// Everything the services and nginx have logged.
    #[must_use]
    pub fn logs(&self) -> String {
        let mut logs = self.ended.clone();
        logs.extend(self.services.iter().map(|it| it.process.output()));
        logs.push_str(&self.nginx.access_log());
        logs.push_str(&self.nginx.error_log());
        logs
    }

    /// What each running replica of a service has logged.
    #[must_use]
    pub fn logs_of(&self, name: &str) -> Vec<String> {
        let replicas = self.services.iter();
        let replicas = replicas.filter(|it| it.service.name == name);
        replicas.map(|it| it.process.output()).collect()
    }

    /// What each running service tells Prometheus, one after the other.
    pub fn metrics(&self) -> io::Result<String> {
        let mut metrics = String::new();
        for replica in &self.services {
            metrics.push_str(&ask(replica.internal, "/metrics")?);
        }
        Ok(metrics)
    }

    /// What each running replica of a service tells Prometheus, the oldest first.
    pub fn metrics_of(&self, name: &str) -> io::Result<Vec<String>> {
        let replicas = self.services.iter();
        let replicas = replicas.filter(|it| it.service.name == name);
        replicas.map(|it| ask(it.internal, "/metrics")).collect()
    }

    fn spawn(&mut self, service: Service) -> Result<Replica, StackError> {
        let mut command = Command::new(binary::path("metergate")?);
        let internal = self.internal_ports.pop().unwrap_or_else(ports::free);
        command.arg("serve");
        let database_url = if service == TOGETHER {
            self.database_url()
        } else {
            command.arg(service.name);
            let login = format!("demo_{}", service.role);
            self.cluster
                .url_as(&login, &self.database_password, DATABASE)
        };
        let may_know =
            |name: &str| service == TOGETHER || !is_secret(name) || service.secrets.contains(&name);
        let settings = self.settings.iter().filter(|(name, _)| may_know(name));
        let own = self.of_service.iter().filter(|it| it.0 == service.name);
        command
            .env_clear()
            .envs(settings.cloned())
            .env("METERGATE_DATABASE_URL", database_url)
            .env(
                "METERGATE_INTERNAL_ADDRESS",
                format!("127.0.0.1:{internal}"),
            )
            .envs(own.map(|(_, name, value)| (name, value)));
        let place = self.place_of_one_more(service);
        for (name, first) in self.settings.iter().filter(|it| is_listener(&it.0)) {
            command.env(name, address_at(place, first));
        }
        let process = Process::spawn(service.name, command)?;
        Ok(Replica {
            service,
            place,
            internal,
            process,
        })
    }

    /// The first place that no other replica of the service has.
    fn place_of_one_more(&self, service: Service) -> usize {
        let taken: Vec<usize> = self
            .services
            .iter()
            .filter(|it| it.service == service)
            .map(|it| it.place)
            .collect();
        // Of one place more than are taken, one is free.
        (0..=taken.len())
            .find(|place| !taken.contains(place))
            .unwrap_or_default()
    }
}

/// Where a replica listens: the first and the second where nginx may know of them, one more where nobody asks.
fn address_at(place: usize, first: &str) -> String {
    let port = first.rsplit(':').next().unwrap_or_default();
    match ADDRESSES.get(place) {
        Some(address) => format!("{address}:{port}"),
        None => format!("127.0.0.1:{}", ports::free()),
    }
}
