package main

import (
	"strings"
	"testing"
	"time"
)

func TestClockCommands(t *testing.T) {
	// A clock is shown, moved by a duration or to an instant, and released; where it stands survives a restart.
	t.Parallel()
	env := variables(map[string]string{"SCRIP_API_KEY": strings.Repeat("k", 32)})
	data := t.TempDir()
	server := startIn(t, env, "--data", data)
	clock := func(args ...string) (instant time.Time, rest string) {
		t.Helper()
		got := execute(t, env, append([]string{"clock"}, append(args, "--url", server.url)...)...)
		if got.Code != exitDone || got.Stderr != "" {
			t.Fatalf("%v: %+v", args, got)
		}
		shown, rest, _ := strings.Cut(got.Stdout, " ")
		instant, err := time.Parse(time.RFC3339Nano, shown)
		if err != nil {
			t.Fatalf("%v: %q", args, got.Stdout)
		}
		return instant, rest
	}
	first, how := clock("show")
	if how != "running\n" {
		t.Errorf("the clock is %q", how)
	}
	moved, how := clock("advance", "--by", "PT24H", "--hold")
	if ahead := moved.Sub(first); ahead < 24*time.Hour || ahead > 25*time.Hour || how != "standing still; steps 0, pools 0\n" {
		t.Errorf("moved by %s, %q", ahead, how)
	}
	server.stop()
	<-server.exited
	server = startIn(t, env, "--data", data)
	if now, how := clock("show"); !now.Equal(moved) || how != "standing still\n" {
		t.Errorf("after a restart the clock is %s %q", now, how)
	}
	to := moved.Add(time.Hour)
	if now, how := clock("advance", "--to", to.Format(time.RFC3339Nano)); now.Before(to) || !strings.HasPrefix(how, "running; ") {
		t.Errorf("the clock is %s %q", now, how)
	}
	if now, how := clock("release"); now.Before(to) || how != "running\n" {
		t.Errorf("the clock is %s %q", now, how)
	}
	for name, test := range map[string]struct {
		env  func(string) (string, bool)
		args []string
		want string
	}{
		"back":   {env, []string{"advance", "--to", first.Format(time.RFC3339Nano)}, "lies before the clock"},
		"no key": {noVariables, []string{"show"}, "set SCRIP_API_KEY"},
		"bad":    {env, []string{"advance", "--by", "a month"}, "400 InvalidArgumentError by: "},
		"alien":  {variables(map[string]string{"SCRIP_API_KEY": "secret"}), []string{"release"}, "401 Unauthenticated"},
	} {
		got := execute(t, test.env, append([]string{"clock"}, append(test.args, "--url", server.url)...)...)
		if got.Code != exitFailed || got.Stdout != "" || !strings.Contains(got.Stderr, test.want) || strings.Count(got.Stderr, "\n") != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	server.stop()
	<-server.exited
}
