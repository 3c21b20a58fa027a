// SPDX-License-Identifier: Apache-2.0
//
// Go's net/http/fcgi on the listening socket that it is started with: /slow answers later, the rest echo.
package main

import (
	"io"
	"net/http"
	"net/http/fcgi"
	"time"
)

func main() {
	fcgi.Serve(nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(200 * time.Millisecond)
		}
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, r.URL.Path+" ")
		io.Copy(w, r.Body)
	}))
}
