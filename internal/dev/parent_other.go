//go:build !linux

package dev

import "syscall"

// ofOurs makes a program one that Ctrl-C does not reach, since we end it in
// order.
func ofOurs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
