package parts

import "syscall"

// endWithParent has the kernel end a program when the test process dies without its cleanups, as it does on a timeout.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
