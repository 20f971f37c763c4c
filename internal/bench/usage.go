package bench

import (
	"bytes"
	"context"
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

// busyShare answers which share of the processors was in use over a moment in which this process did nothing, or 0 when the
// system does not tell.
func busyShare(ctx context.Context) float64 {
	idleBefore, allBefore := processors()
	pause(ctx, 500*time.Millisecond)
	idleAfter, allAfter := processors()
	return ratio(float64((allAfter-allBefore)-(idleAfter-idleBefore)), float64(allAfter-allBefore))
}

// processors answers how many ticks the processors have spent, idle and altogether.
func processors() (idle, all int64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	// user nice system idle iowait irq softirq steal; what follows is counted in user already.
	for i, field := range strings.Fields(strings.TrimPrefix(line, "cpu")) {
		ticks, _ := strconv.ParseInt(field, 10, 64) // the kernel writes numbers
		if i == 3 || i == 4 {
			idle += ticks
		}
		if i < 8 {
			all += ticks
		}
	}
	return idle, all
}
