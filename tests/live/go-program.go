// SPDX-License-Identifier: Apache-2.0

// A Go program: no C library, system calls from the runtime's own threads, goroutines that move
// between them.
//
// LIVE: timeout 60
//
// What the runtime calls hangs on how its threads meet, and on what has run for too long.
// LIVE: differs \b(clone3?|epoll_\w+|futex|get[pt]id|mmap|munmap|madvise|nanosleep|sched_yield)\b|SIGURG
// LIVE: differs \b(tgkill|rt_sig\w+|sigaltstack)\b
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
