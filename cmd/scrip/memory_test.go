package main

import (
	"errors"
	"testing"
)

func TestMemoryThere(t *testing.T) {
	// The smaller of what the machine has and what the container may use; nothing when neither is known.
	t.Parallel()
	const machine = "MemFree: 1 kB\nMemTotal:       1024 kB\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"machine alone", map[string]string{machineMemoryFile: machine}, 1 << 20},
		{"container without a limit", map[string]string{machineMemoryFile: machine, containerMemoryFile: "max\n"}, 1 << 20},
		{"container with a limit", map[string]string{machineMemoryFile: machine, containerMemoryFile: "4096\n"}, 4096},
		{"container with more than there is", map[string]string{machineMemoryFile: machine, containerMemoryFile: "9223372036854771712\n"}, 1 << 20},
		{"container alone", map[string]string{containerMemoryFile: "4096\n"}, 4096},
		{"garbage", map[string]string{machineMemoryFile: "MemTotal: x kB", containerMemoryFile: "-1"}, 0},
		{"nothing", nil, 0},
	} {
		got := memoryThere(func(name string) ([]byte, error) {
			if text, ok := c.files[name]; ok {
				return []byte(text), nil
			}
			return nil, errors.New("no such file")
		})
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
