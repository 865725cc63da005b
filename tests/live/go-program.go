// SPDX-License-Identifier: Apache-2.0

// A Go program: no C library, system calls from the runtime's own threads, goroutines that move
// between them.
//
// LIVE: timeout 60
//
// The faster it is, the more its threads meet; and its runtime interrupts what has run for long.
// LIVE: differs \b(futex|getpid|tgkill|rt_sigreturn|sched_yield|nanosleep)\b|SIGURG
//
// Go interrupts a goroutine that has run for long, by a signal to itself.
// LIVE: differs SIGURG|\b(getpid|tgkill|rt_sigreturn)\b
package main

import (
	"fmt"
	"os"
	"sync"
)

func fact(path, access string, n int) {
	fmt.Printf("{\"fact\":\"files\",\"path\":\"%s\",\"access\":\"%s\",\"outcomes\":{\"ok\":%d}}\n", path, access, n)
}

func main() {
	here, err := os.Getwd()
	if err != nil {
		os.Exit(99)
	}
	fmt.Printf("{\"scope\":\"files\",\"where\":{\"path\":\"^%s/.\"},\"compare\":[\"path\",\"access\",\"outcomes\"]}\n", here)
	var all sync.WaitGroup
	for i := 0; i < 50; i++ {
		name := fmt.Sprintf("%s/f%02d", here, i)
		all.Add(1)
		go func() {
			defer all.Done()
			f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0600)
			if err != nil {
				os.Exit(99)
			}
			f.WriteString("x")
			f.Close()
			if os.Remove(name) != nil {
				os.Exit(99)
			}
		}()
		fact(name, "write", 1)
		fact(name, "create", 1)
		fact(name, "unlink", 1)
	}
	all.Wait()
	fmt.Printf("{\"some\":\"runs\",\"where\":{\"libc\":\"^go\"}}\n")
}
