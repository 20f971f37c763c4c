package engine

// SetWindow makes windows small, so that tests turn many of them. Call the result to restore the size. Tests that use
// it do not run in parallel.
func SetWindow(entries int) (restore func()) {
	old := windowEntries
	windowEntries = entries
	return func() { windowEntries = old }
}
