import GRDB

/// The catalogue's tables, as migrations: a released one is never edited, changes are added below
/// it.
///
/// `Documentation/Archive.md` describes every table for readers in other languages.
enum CatalogueSchema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration(first) { try $0.execute(sql: tables) }
    migrator.registerMigration("2: why an episode ended") { database in
      try database.execute(sql: "ALTER TABLE episodes ADD COLUMN reason TEXT")
    }
    migrator.registerMigration("3: where it failed, and how far it came") { database in
      try database.execute(sql: "ALTER TABLE episodes ADD COLUMN decided_at_step INTEGER")
      try database.execute(sql: "ALTER TABLE episodes ADD COLUMN stages TEXT")
    }
    migrator.registerMigration("4: when the mistake began") { database in
      try database.execute(sql: "ALTER TABLE episodes ADD COLUMN mistake_at_step INTEGER")
    }
    migrator.registerMigration("5: what people say of episodes") { database in
      try database.execute(sql: "ALTER TABLE episodes ADD COLUMN verdict TEXT")
    }
    migrator.registerMigration("6: what people say of criteria") { database in
      try database.execute(sql: "ALTER TABLE episodes ADD COLUMN criteria TEXT")
    }
    return migrator
  }

  /// What a reader needs. It does without the later ones, which only add columns, so that finished
  /// runs stay readable as they are.
  static let first = "1: runs, episodes, events, training results"

  // Times are seconds since 1970. Digests are 64 hexadecimal digits. Seeds are unsigned 64-bit
  // numbers, which SQLite's integers cannot hold: decimal text.
  private static let tables = """
    CREATE TABLE run (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      name TEXT NOT NULL,
      configuration TEXT NOT NULL,
      version TEXT NOT NULL,
      created REAL NOT NULL
    ) STRICT;

    CREATE TABLE tasks (
      name TEXT PRIMARY KEY,
      instruction TEXT NOT NULL,
      maximum_steps INTEGER NOT NULL,
      subtasks TEXT NOT NULL
    ) STRICT;

    CREATE TABLE robots (
      name TEXT PRIMARY KEY,
      embodiment TEXT NOT NULL,
      first_seen REAL NOT NULL
    ) STRICT;

    CREATE TABLE blobs (
      digest TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      size INTEGER NOT NULL,
      stored_at REAL NOT NULL
    ) STRICT;

    CREATE TABLE episodes (
      id TEXT PRIMARY KEY,
      digest TEXT NOT NULL REFERENCES blobs (digest),
      job TEXT NOT NULL,
      stage TEXT NOT NULL,
      episode_index INTEGER NOT NULL,
      task TEXT NOT NULL REFERENCES tasks (name),
      iteration INTEGER,
      source TEXT NOT NULL,
      robot TEXT NOT NULL REFERENCES robots (name),
      policy TEXT,
      guidance REAL,
      seed TEXT NOT NULL,
      outcome TEXT NOT NULL,
      steps INTEGER NOT NULL,
      intervention_steps INTEGER NOT NULL,
      control_rate REAL NOT NULL,
      bytes INTEGER NOT NULL,
      stored_at REAL NOT NULL
    ) STRICT;
    CREATE INDEX episodes_by_job ON episodes (job, episode_index);
    CREATE INDEX episodes_by_task ON episodes (task, source, iteration);
    CREATE INDEX episodes_by_digest ON episodes (digest);

    CREATE TABLE events (
      sequence INTEGER PRIMARY KEY,
      time REAL NOT NULL,
      event TEXT NOT NULL
    ) STRICT;

    CREATE TABLE checkpoints (
      job TEXT PRIMARY KEY,
      digest TEXT NOT NULL REFERENCES blobs (digest),
      kind TEXT NOT NULL,
      task TEXT,
      iteration INTEGER,
      metadata TEXT NOT NULL,
      stored_at REAL NOT NULL
    ) STRICT;

    CREATE TABLE label_sets (
      job TEXT PRIMARY KEY,
      digest TEXT NOT NULL REFERENCES blobs (digest),
      task TEXT,
      iteration INTEGER,
      metadata TEXT NOT NULL,
      stored_at REAL NOT NULL
    ) STRICT;

    CREATE TABLE metrics (
      job TEXT NOT NULL,
      step INTEGER NOT NULL,
      name TEXT NOT NULL,
      value REAL,
      time REAL NOT NULL,
      PRIMARY KEY (job, name, step)
    ) STRICT, WITHOUT ROWID;
    """
}
