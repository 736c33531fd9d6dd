-- AppProjects and ApplicationSets: few, so the documents stand in the rows.
CREATE TABLE objects (
  kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
  origin TEXT,
  resource_version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  json TEXT NOT NULL,
  status TEXT,
  PRIMARY KEY (kind, name, namespace)
) WITHOUT ROWID, STRICT;
