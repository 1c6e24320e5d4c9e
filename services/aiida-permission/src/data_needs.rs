//! Where data needs come from: a file that is read at the start, or the database that the API manages; never both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use diesel_async::AsyncPgConnection;
use permission::DataNeedId;
use permission::data_need::{DataNeed, DataNeedError};
use storage::aiida::data_need;

/// Why a file of data needs is not usable.
#[derive(Debug, thiserror::Error)]
pub enum DataNeedsError {
    /// No such file.
    #[error(
        "METERGATE_AIIDA_DATA_NEEDS names {path}, which cannot be read: check the path and who may read it"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// Not an array of data needs.
    #[error("the data needs in {path} are wrong")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Which one, and what is wrong with it.
        #[source]
        source: DataNeedError,
    },
    /// One id for two.
    #[error("the data need {id} stands twice in {path}: keep one of them, or give it another id")]
    Twice {
        /// The file.
        path: PathBuf,
        /// The id.
        id: DataNeedId,
    },
}

/// The source of data needs.
#[derive(Debug, Clone)]
pub enum DataNeeds {
    /// Those of the file, which nothing changes.
    File(BTreeMap<DataNeedId, DataNeed>),
    /// The table that the API writes.
    Table,
}

impl DataNeeds {
    /// Reads the file; without one, the table is the source.
    pub fn load(file: Option<&Path>) -> Result<Self, DataNeedsError> {
        let Some(path) = file.filter(|path| !path.as_os_str().is_empty()) else {
            return Ok(Self::Table);
        };
        let text = std::fs::read(path).map_err(|source| DataNeedsError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let parsed = DataNeed::parse_array(&text).map_err(|source| DataNeedsError::Wrong {
            path: path.to_owned(),
            source,
        })?;
        let mut needs = BTreeMap::new();
        for need in parsed {
            let id = need.id;
            if needs.insert(id, need).is_some() {
                return Err(DataNeedsError::Twice {
                    path: path.to_owned(),
                    id,
                });
            }
        }
        Ok(Self::File(needs))
    }

    /// Whether they are fixed by a file: then the API does not write.
    #[must_use]
    pub const fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// One data need, also a disabled one.
    pub async fn get(
        &self,
        conn: &mut AsyncPgConnection,
        id: DataNeedId,
    ) -> diesel::QueryResult<Option<DataNeed>> {
        match self {
            Self::File(needs) => Ok(needs.get(&id).cloned()),
            Self::Table => data_need::get(conn, id).await,
        }
    }

    /// All of them, in the order of their ids.
    pub async fn list(&self, conn: &mut AsyncPgConnection) -> diesel::QueryResult<Vec<DataNeed>> {
        match self {
            Self::File(needs) => Ok(needs.values().cloned().collect()),
            Self::Table => {
                let needs = data_need::list(conn).await?;
                let sorted: BTreeMap<_, _> = needs.into_iter().map(|it| (it.id, it)).collect();
                Ok(sorted.into_values().collect())
            }
        }
    }
}
