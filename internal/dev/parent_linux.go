package dev

import "syscall"

// ofOurs makes a program one that Ctrl-C does not reach, since we end it in
// order, and that the kernel ends when we die without having done so.
func ofOurs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
