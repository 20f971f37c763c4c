package bench

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"
)

// ownPID is this process, the load generator.
var ownPID = os.Getpid()

// tick is the unit in which Linux tells processor time to programs, on every architecture Go runs on.
const tick = 10 * time.Millisecond

// cpuTime answers the processor time a process has used, or 0 when the system does not tell.
func cpuTime(pid int) time.Duration {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// The name of the program, in brackets, may hold anything; utime and stime are the 12th and 13th field after it.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64) // the kernel writes numbers
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick
}

// residentBytes answers the memory of a process that is in use now, or 0 when the system does not tell.
func residentBytes(pid int) int64 {
	return int64(kilobytes(memberOf("/proc/"+strconv.Itoa(pid)+"/status", "VmRSS"))) * 1024
}
