package bench

import (
	"os"
	"strings"
	"testing"
)

// shell starts a script in place of a server.
func shell(script string) Processes {
	return Processes{Executable: "sh", Arguments: func(name string, at Place) []string { return []string{"-c", script, name, at.Dir} }}
}

func TestProcessesStartAndStop(t *testing.T) {
	// A process is known by the address it prints, gets the key, and ends when asked to.
	t.Parallel()
	script := `trap 'exit 0' TERM; echo hello; echo "$0 listens on http://127.0.0.1:${#SCRIP_API_KEY}"; while :; do sleep 0.02; done`
	server, err := shell(script).Start(t.Context(), "it", Place{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "127.0.0.1:49"; server.Address != want || len(apiKey) != 49 || server.PID == 0 {
		t.Errorf("got %+v, want the address %s", server, want)
	}
	if err := server.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestProcessesTellWhyAServerFailed(t *testing.T) {
	// A process that ends at once, or with a failure when asked to stop, is an error with what it said.
	t.Parallel()
	_, err := shell(`echo "the folder is locked" >&2; exit 3`).Start(t.Context(), "it", Place{})
	if err == nil || !strings.Contains(err.Error(), "the folder is locked") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
	server, err := shell(`trap 'echo lost >&2; exit 1' TERM; echo listens on http://x:1; while :; do sleep 0.02; done`).Start(t.Context(), "it", Place{})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("got %v", err)
	}
}

func TestChildrenGetNoVariablesOfOurs(t *testing.T) {
	// Variables meant for somebody's server do not reach the measured ones.
	t.Parallel()
	got := strings.Join(environment([]string{"HOME=h", "SCRIP_DATA=precious", "SCRIP_API_KEY=secret"}), " ")
	if want := "SCRIP_API_KEY=" + apiKey + " HOME=h"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUseOfTheMachine(t *testing.T) {
	// Where Linux tells them, processor time and memory of a process are read; of no process they are 0.
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system has no /proc")
	}
	if residentBytes(ownPID) < 1<<20 {
		t.Errorf("this test uses %d bytes", residentBytes(ownPID))
	}
	if familyTime(ownPID) < cpuTime(ownPID) {
		t.Error("this test has used more time than it and its children")
	}
	if cpuTime(0) != 0 || residentBytes(0) != 0 {
		t.Error("process 0 uses something")
	}
	if got := liveIn([]byte("# TYPE go_memstats_next_gc_bytes gauge\ngo_memstats_next_gc_bytes 8.4e+06\nother 1\n")); got != 4_200_000 {
		t.Errorf("live heap %d", got)
	}
}
