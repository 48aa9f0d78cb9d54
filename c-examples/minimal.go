// minimal RESOURCE [PORT]: an application under schrittmacher in Go, with cgo.
//
// It has no callbacks: the library takes the signals, and the main loop asks for the wanted state.
package main

/*
#cgo LDFLAGS: -lschrittmacherclient
#include <stdlib.h>
#include <schrittmacherclient/schrittmacherclient.h>
*/
import "C"

import (
	"fmt"
	"os"
	"strconv"
	"time"
	"unsafe"
)

// A missing daemon is no error: the heartbeats go on trying.
func check(status C.int) {
	if status < 0 && status != C.SCHRITTMACHER_ERR_NO_DAEMON {
		fmt.Fprintln(os.Stderr, "minimal:", C.GoString(C.schrittmacher_strerror(status)))
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: minimal RESOURCE [PORT]")
		os.Exit(64)
	}
	var client *C.schrittmacher_client
	check(C.schrittmacher_client_new(&client))
	resource := C.CString(os.Args[1])
	defer C.free(unsafe.Pointer(resource))
	check(C.schrittmacher_client_set_resource_id(client, resource))
	if len(os.Args) > 2 {
		port, _ := strconv.Atoi(os.Args[2])
		check(C.schrittmacher_client_set_port(client, C.int(port)))
	}
	check(C.schrittmacher_client_install_signal_handlers(client))
	check(C.schrittmacher_client_start(client))
	check(C.schrittmacher_client_report_unknown(client, nil))

	var state C.int
	for ; ; time.Sleep(20 * time.Millisecond) {
		wanted := C.schrittmacher_client_get_wanted_state(client)
		if wanted == state {
			continue
		}
		state = wanted
		switch wanted {
		case C.SchrittmacherClientWantedState_hot:
			fmt.Println("hot: this host does the work")
			check(C.schrittmacher_client_report_active(client, nil))
		case C.SchrittmacherClientWantedState_standby:
			fmt.Println("standby: the other host does the work")
			check(C.schrittmacher_client_report_inactive(client, nil))
		}
	}
}
