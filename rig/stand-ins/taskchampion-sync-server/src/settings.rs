use anyhow::{anyhow, bail, Context};
use std::collections::HashSet;
use uuid::Uuid;

/// What the environment says, in upstream's variables.
#[derive(Debug)]
pub struct Settings {
    /// Address and port, `LISTEN`.
    pub listen: String,
    /// Folder of the database, `DATA_DIR`.
    pub data_dir: String,
    /// `CLIENT_ID`, separated by commas; none lets everybody in.
    pub clients: Option<HashSet<Uuid>>,
    /// `CREATE_CLIENTS`: whether a client's first request makes it known.
    pub create_clients: bool,
    /// `SNAPSHOT_VERSIONS` and `SNAPSHOT_DAYS`: after how many a client is asked for a snapshot.
    pub snapshot_versions: u32,
    pub snapshot_days: i64,
}

impl Settings {
    pub fn from_environment(get: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let or = |name: &str, default: &str| get(name).filter(|value| !value.is_empty()).unwrap_or(default.into());
        if boolean("SYNC_EVENTS", &or("SYNC_EVENTS", "false"))? {
            bail!("SYNC_EVENTS=true: this server sends no events; leave the variable out");
        }
        let ids = or("CLIENT_ID", "");
        let clients = ids
            .split(',')
            .filter(|id| !id.trim().is_empty())
            // Not the value: whoever knows an id may fetch and overwrite its tasks.
            .map(|id| Uuid::parse_str(id.trim()).map_err(|_| anyhow!("CLIENT_ID: every client id must be a UUID")))
            .collect::<anyhow::Result<HashSet<_>>>()?;
        Ok(Self {
            listen: or("LISTEN", "0.0.0.0:8080"),
            data_dir: or("DATA_DIR", "/var/lib/taskchampion-sync-server/data"),
            clients: (!clients.is_empty()).then_some(clients),
            create_clients: boolean("CREATE_CLIENTS", &or("CREATE_CLIENTS", "true"))?,
            snapshot_versions: or("SNAPSHOT_VERSIONS", "100").parse().context("SNAPSHOT_VERSIONS must be a number")?,
            snapshot_days: or("SNAPSHOT_DAYS", "14").parse().context("SNAPSHOT_DAYS must be a number")?,
        })
    }
}

fn boolean(name: &str, value: &str) -> anyhow::Result<bool> {
    value.parse().with_context(|| format!("{name}={value}: must be true or false"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(values: &[(&str, &str)]) -> anyhow::Result<Settings> {
        let values = values.to_vec();
        Settings::from_environment(move |name| values.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string()))
    }

    #[test]
    fn lets_everybody_in_unless_there_is_a_list() {
        assert_eq!(from(&[]).unwrap().clients, None);
        assert_eq!(from(&[("CLIENT_ID", "")]).unwrap().clients, None);
        let two = "6ba7b810-9dad-41d1-80b4-00c04fd430c8, 6ba7b811-9dad-41d1-80b4-00c04fd430c8";
        assert_eq!(from(&[("CLIENT_ID", two)]).unwrap().clients.unwrap().len(), 2);
    }

    #[test]
    fn refuses_what_it_cannot_do_and_does_not_repeat_ids() {
        let message = from(&[("CLIENT_ID", "half-a-secret")]).unwrap_err().to_string();
        assert!(message.contains("CLIENT_ID") && !message.contains("half"), "{message}");
        assert!(from(&[("SYNC_EVENTS", "true")]).is_err());
        assert!(from(&[("CREATE_CLIENTS", "maybe")]).is_err());
    }
}
