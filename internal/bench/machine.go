package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Machine is where a run took place.
type Machine struct {
	Processor  string  `json:"processor"`
	Cores      int     `json:"cores"` // those Go may use
	MemoryMB   int     `json:"memoryMB"`
	System     string  `json:"system"`
	FileSystem string  `json:"fileSystem"` // under the data
	SyncMicros float64 `json:"syncMicros"` // median time to append 4 kB to a file and sync it
	Busy       float64 `json:"busyBefore"` // share of the cores that others used before the run
	Go         string  `json:"go"`
	Database   string  `json:"database"`
}

// String is the line that stands over the figures.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %d GB, %s, %s (append and sync of 4 kB: %.0f µs), %s, %s",
		m.Processor, m.Cores, (m.MemoryMB+512)/1024, m.System, m.FileSystem, m.SyncMicros, m.Go, m.Database)
}

// unknown stands where the system does not tell.
const unknown = "unknown"

// describe looks at the machine; dir is the folder of the data.
func (now clock) describe(ctx context.Context, dir string) (Machine, error) {
	busy := busyShare(ctx)
	micros, err := now.syncTime(dir)
	return Machine{
		Processor:  memberOf("/proc/cpuinfo", "model name"),
		Cores:      runtime.GOMAXPROCS(0),
		MemoryMB:   kilobytes(memberOf("/proc/meminfo", "MemTotal")) / 1024,
		System:     system(),
		FileSystem: fileSystem(dir),
		SyncMicros: micros,
		Busy:       busy,
		Go:         runtime.Version(),
	}, err
}

// syncTime measures the disk: the figures of every server stand on it.
func (now clock) syncTime(dir string) (float64, error) {
	file, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	page := make([]byte, 4096)
	var micros []float64
	for range 64 {
		begin := now()
		if _, err := file.Write(page); err != nil {
			return 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, err
		}
		micros = append(micros, float64(now().Sub(begin))/float64(time.Microsecond))
	}
	return median(micros), nil
}

// memberOf answers the value of the first "name: value" line of a file.
func memberOf(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return unknown
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}

// kilobytes reads "123 kB".
func kilobytes(value string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(value, " kB"))
	if err != nil {
		return 0
	}
	return n
}

// system names the operating system and its release.
func system() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS + "/" + runtime.GOARCH
	}
	return runtime.GOOS + " " + strings.TrimSpace(string(release))
}

// fileSystem names the kind of file system that dir is on: one that lives in memory makes every sync free.
func fileSystem(dir string) string {
	full, err := filepath.Abs(dir)
	mounts, readErr := os.ReadFile("/proc/mounts")
	if err != nil || readErr != nil {
		return unknown
	}
	kind, length := unknown, -1
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || len(fields[1]) < length {
			continue
		}
		if within(full, fields[1]) {
			kind, length = fields[2], len(fields[1])
		}
	}
	return kind
}

// within reports whether a full path is a folder or below it.
func within(full, folder string) bool {
	return full == folder || strings.HasPrefix(full, strings.TrimSuffix(folder, "/")+"/")
}

// onPostgres reports whether the servers kept their data in PostgreSQL.
func (m Machine) onPostgres() bool { return strings.HasPrefix(m.Database, "PostgreSQL") }

// inMemory reports whether the data would never reach a disk.
func (m Machine) inMemory() bool { return slices.Contains([]string{"tmpfs", "ramfs"}, m.FileSystem) }
