package model

// shrinkRuns bounds the work spent on making a failing history short.
const shrinkRuns = 3000

// Shrink makes a failing list of operations shorter while it keeps failing: first the shortest failing prefix, then
// without any operation that is not needed, from the last to the first, until nothing more can go.
func Shrink(operations []Command, fails func([]Command) bool) []Command {
	runs := 0
	try := func(list []Command) bool {
		runs++
		return runs <= shrinkRuns && len(list) > 0 && fails(list)
	}
	operations = shortestPrefix(operations, try)
	for size := max(1, len(operations)/2); size >= 1; size /= 2 {
		for again := true; again; {
			operations, again = dropChunks(operations, size, try)
		}
	}
	return operations
}

// shortestPrefix grows a prefix until it fails.
func shortestPrefix(operations []Command, try func([]Command) bool) []Command {
	for n := 1; n < len(operations); n++ {
		if try(operations[:n]) {
			return operations[:n]
		}
	}
	return operations
}

// dropChunks leaves out each run of that many operations whose absence still fails.
func dropChunks(operations []Command, size int, try func([]Command) bool) (shorter []Command, dropped bool) {
	for end := len(operations); end > 0; end -= size {
		from := max(0, end-size)
		without := append(append([]Command(nil), operations[:from]...), operations[end:]...)
		if try(without) {
			operations, dropped = without, true
		}
	}
	return operations, dropped
}
