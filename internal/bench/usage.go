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
func cpuTime(pid int) time.Duration { own, _ := cpuTimes(pid); return own }

// familyTime answers the processor time of a process and all children it ever had, or 0 when the system does not tell.
func familyTime(pid int) time.Duration {
	own, ended := cpuTimes(pid)
	total := own + ended
	id := strconv.Itoa(pid)
	children, err := os.ReadFile("/proc/" + id + "/task/" + id + "/children")
	if err != nil {
		return total
	}
	for _, child := range strings.Fields(string(children)) {
		number, _ := strconv.Atoi(child) // the kernel writes numbers
		total += cpuTime(number)
	}
	return total
}

// cpuTimes answers the processor time of a process, and that of its children that have ended.
func cpuTimes(pid int) (own, ended time.Duration) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0
	}
	// The name of the program, in brackets, may hold anything; utime, stime, cutime and cstime are the 12th to 15th field
	// after it.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 15 {
		return 0, 0
	}
	ticks := func(field int) time.Duration {
		n, _ := strconv.ParseInt(fields[field], 10, 64) // the kernel writes numbers
		return time.Duration(n) * tick
	}
	return ticks(11) + ticks(12), ticks(13) + ticks(14)
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
