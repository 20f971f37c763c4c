package main

import (
	"regexp"
	"runtime/debug"
	"testing"
)

func TestVersionPrintsThreeFacts(t *testing.T) {
	// The version, the commit and the Go release stand on a line each, so that scripts can pick them.
	t.Parallel()
	got := execute(t, noVariables, "version")
	want := regexp.MustCompile(`^scrip \S+\ncommit \S+\ngo1\.\S+ \w+/\w+\n$`)
	if got.Code != exitDone || got.Stderr != "" || !want.MatchString(got.Stdout) {
		t.Errorf("got %+v", got)
	}
}

func TestCommitOf(t *testing.T) {
	// The commit names a changed work tree, and is empty when nothing was recorded.
	t.Parallel()
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	tests := map[string]struct {
		settings []debug.BuildSetting
		want     string
	}{
		"none":    {nil, ""},
		"clean":   {[]debug.BuildSetting{setting("vcs.revision", "abc"), setting("vcs.modified", "false")}, "abc"},
		"changed": {[]debug.BuildSetting{setting("vcs.modified", "true"), setting("vcs.revision", "abc")}, "abc-dirty"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := commitOf(&debug.BuildInfo{Settings: test.settings}); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
