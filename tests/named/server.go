// SPDX-License-Identifier: Apache-2.0

// A Go server that is hot and does the rare thing late: the runtime interrupts goroutines that compute by SIGURG,
// makes threads when some block, waits by epoll, and executes programs by clone(CLONE_VFORK).
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
)

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

// busy computes for so long that it must be interrupted, in more goroutines than there are processors.
func busy() uint64 {
	var all sync.WaitGroup
	var sums [8]uint64
	for i := range sums {
		all.Add(1)
		go func(sum *uint64) {
			defer all.Done()
			for start := time.Now(); time.Since(start) < 30*time.Millisecond; {
				for n := uint64(0); n < 1000000; n++ {
					*sum += n * n
				}
			}
		}(&sums[i])
	}
	all.Wait()
	runtime.GC()
	return sums[0]
}

func main() {
	name := "served"
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "index") })
	http.HandleFunc("/file", func(w http.ResponseWriter, _ *http.Request) {
		text, err := os.ReadFile(name)
		die(err)
		w.Write(text)
	})
	http.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) { busy(); fmt.Fprint(w, "busy") })
	// Late: a child, and a folder.
	http.HandleFunc("/late", func(w http.ResponseWriter, _ *http.Request) {
		out, err := exec.Command("/bin/cat", name).Output()
		die(err)
		die(os.Mkdir("late-folder", 0700))
		w.Write(out)
	})
	die(os.WriteFile(name, []byte("file"), 0600))
	server := &http.Server{}
	hup, term := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		<-hup
		die(os.WriteFile("reloaded", []byte("reloaded"), 0600))
	}()
	done := make(chan bool)
	go func() {
		<-term
		die(server.Shutdown(context.Background()))
		close(done)
	}()
	socket, err := net.Listen("tcp", os.Args[1])
	die(err)
	// It is ready when this is there.
	die(os.WriteFile("pid", []byte(fmt.Sprint(os.Getpid())), 0600))
	if err := server.Serve(socket); err != http.ErrServerClosed {
		die(err)
	}
	<-done
}
