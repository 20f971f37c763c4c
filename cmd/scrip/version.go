package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// commit is set by the linker in builds from a work tree (see the Makefile). Without it the Go tool's own record is used.
var commit string

// versionCommand says exactly which program this is.
type versionCommand struct{}

// Run prints the version, the commit and the Go release, a line each.
func (versionCommand) Run(p *program) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	_, err := fmt.Fprintf(p.stdout, "scrip %s\ncommit %s\n%s %s/%s\n",
		orUnknown(info.Main.Version), orUnknown(commitOf(info)), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// commitOf answers the commit the program was built from, or "".
func commitOf(info *debug.BuildInfo) string {
	if commit != "" {
		return commit
	}
	revision, suffix := "", ""
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			revision = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			suffix = "-dirty"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + suffix
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
