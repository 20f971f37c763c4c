package main

import (
	"bufio"
	"bytes"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// gcPercent trades memory for speed unless GOGC says otherwise: requests leave much garbage and what stays is small. A
// collection takes some twenty milliseconds of both cores' attention, so they are to be rare.
const gcPercent = 400

// Where the system says how much memory there is, for a container and for the machine.
const (
	containerMemoryFile = "/sys/fs/cgroup/memory.max"
	machineMemoryFile   = "/proc/meminfo"
)

// tuneMemory lets garbage grow to gcPercent, but collects more often before three quarters of the memory are used.
func tuneMemory(env func(string) (string, bool)) {
	if percent, _ := env("GOGC"); percent == "" {
		debug.SetGCPercent(gcPercent)
	}
	limit, _ := env("GOMEMLIMIT")
	if there := memoryThere(os.ReadFile); limit == "" && there > 0 {
		debug.SetMemoryLimit(there / 4 * 3)
	}
}

// memoryThere is how many bytes of memory the program may use at most, 0 when the system does not say.
func memoryThere(read func(string) ([]byte, error)) int64 {
	machine := int64(0)
	if text, err := read(machineMemoryFile); err == nil {
		machine = totalMemory(text)
	}
	text, err := read(containerMemoryFile)
	if err != nil {
		return machine
	}
	container, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // "max" means without a limit
	if err != nil || container <= 0 || machine > 0 && machine < container {
		return machine
	}
	return container
}

// totalMemory finds the line "MemTotal: N kB".
func totalMemory(text []byte) int64 {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 3 && fields[0] == "MemTotal:" && fields[2] == "kB" {
			kilobytes, _ := strconv.ParseInt(fields[1], 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}
