package credits

// Internals that tests of the rules look at.
var (
	SlugOf  = slugOf
	ValidID = validID
)
