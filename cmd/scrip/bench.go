package main

// benchCommand measures the server beside the usual service and the floor, in one run.
type benchCommand struct{}

// Run prints the figures.
func (c *benchCommand) Run(*program) error {
	return errNotBuilt
}
