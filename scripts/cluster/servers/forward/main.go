// Copies TCP connections from loopback ports of the machine to the ingress in the cluster's network namespace:
// davit-forward LISTEN=TARGET ...
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

func main() {
	for _, pair := range os.Args[1:] {
		listen, target, ok := strings.Cut(pair, "=")
		if !ok {
			fail(fmt.Errorf("%q is not LISTEN=TARGET", pair))
		}
		listener, err := net.Listen("tcp", listen)
		if err != nil {
			fail(err)
		}
		fmt.Println("forwarding", listen, "to", target)
		go serve(listener, target)
	}
	select {}
}

func serve(listener net.Listener, target string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			// Out of file descriptors, most likely: connections that end make room again.
			fmt.Fprintln(os.Stderr, "accept:", err)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		go forward(client.(*net.TCPConn), target)
	}
}

func forward(client *net.TCPConn, target string) {
	defer client.Close()
	conn, err := net.DialTimeout("tcp", target, 5*time.Second)
	if err != nil {
		fmt.Fprintln(os.Stderr, "dial:", err)
		return
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	sent := make(chan struct{})
	go func() {
		pipe(server, client)
		close(sent)
	}()
	pipe(client, server)
	<-sent
}

// pipe passes the end of one direction on and leaves the other one open, as TCP does. When the copy broke off
// instead of ending, nothing can be said any more in either direction.
func pipe(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		from.Close()
		return
	}
	to.CloseWrite()
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "davit-forward:", err)
	os.Exit(1)
}
