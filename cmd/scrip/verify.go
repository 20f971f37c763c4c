package main

// verifyCommand recomputes what the database claims.
type verifyCommand struct {
	databaseFlags
}

// Run prints a summary, or answers an error that names the first bad row.
func (c *verifyCommand) Run(*program) error {
	return errNotBuilt
}
