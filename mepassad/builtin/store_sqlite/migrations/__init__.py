"""The numbered SQL files that make and change the database, each applied once and in order."""
