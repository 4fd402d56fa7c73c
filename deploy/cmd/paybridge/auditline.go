package main

import (
	"cmp"
	"os"
	"os/user"

	"go.uber.org/zap"

	"paybridge/config"
)

// auditLine writes who changed what, why, with which result, and on which host, as one JSON line.
func (p *Program) auditLine(what, why string, failed error, fields ...zap.Field) {
	fields = append([]zap.Field{zap.String("who", p.who()), zap.String("what", what), zap.String("why", why), zap.Error(failed)}, fields...)
	fields = append(fields, zap.String("host", host()))
	config.Logger("operate", p.Stderr).Info("audit", fields...)
}

// who is the person at the keyboard: behind sudo it is who asked for it, and where the
// environment is empty, as under cron or in a container, whom the process runs as.
func (p *Program) who() string {
	for _, name := range []string{"SUDO_USER", "USER"} {
		if who, _ := p.LookupEnv(name); who != "" {
			return who
		}
	}
	if u, err := user.Current(); err == nil {
		return cmp.Or(u.Username, "uid "+u.Uid)
	}
	return "unknown"
}

// host is where the command runs: a name such as root is one on every machine.
func host() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}
