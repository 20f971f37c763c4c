package main

// replayCommand sends recorded requests to a running server.
type replayCommand struct {
	File string `arg:"" name:"file.csv" help:"The recorded requests."`
}

// Run replays the file; running it again changes nothing.
func (c *replayCommand) Run(*program) error {
	return errNotBuilt
}
