// SPDX-License-Identifier: Apache-2.0
//
// App: what a remuda_app is. It owns the lock, the epoll descriptor, the listening socket, the connections,
// and says which thread does what. There is no thread of its own: whoever has to wait does the work for all
// ("leads"), one at a time; the others sleep until there is something for them.
//
//     until(condition):   send what is owed;  nobody leads?  lead: turn() = epoll_wait, accept, receive
//                                             else           sleep on a Waiter
//
// Everything below is under one lock, which is let go while a thread sleeps. Sessions (protocol) and Outgoing
// (order of sending) know no descriptor; Connection gives them one.
#pragma once

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

#include <atomic>

#include "hub.h"
#include "peers.h"
#include "remuda_app.h"
#include "session.h"

namespace remuda::app {

using Nanoseconds = int64_t;
inline constexpr Nanoseconds kForever = INT64_MAX;
inline constexpr Nanoseconds kMillisecond = 1'000'000;
Nanoseconds now();

struct AllTag;    // App::connections_
struct AgainTag;  // App::again_: has more to receive than has been taken
struct FreshTag;  // App::fresh_: epoll does not know it yet

struct Connection final : Session, Link<AllTag>, Link<AgainTag>, Link<FreshTag> {
  Connection(Hub& hub, int socket) : Session(hub), fd(socket) {}
  int fd;
  bool writable = true;           // until the kernel says EAGAIN
  bool watched = false;           // by epoll
  bool gone = false;              // in App::graves_
  bool held_back = false;         // receives no more until its answers are taken
  bool left = false;              // the server has: received until its end, whether it is read or not
  Nanoseconds lingers_until = 0;  // not 0: everything is sent, what still comes is thrown away
};

enum class Wait : uint8_t { kUntilDone, kNow };

class App final : public Hub {
 public:
  // Null: errno says why.
  static App* open(const remuda_options& options);
  // Sends what is owed, closes, frees. The status for main().
  static int close(App* app);

  // Null: errno, 0 at the end.
  Request* accept(Nanoseconds deadline);
  int serve(const remuda_handler& handler);
  int step(const remuda_handler& handler, Nanoseconds deadline);
  int fd() const { return epoll_; }
  bool is_cgi() const { return cgi_; }
  std::atomic<App*> next_with_signals = nullptr;  // signals.cc
  // Async-signal-safe.
  void stop();

  // -1: errno.
  ssize_t read(Request& request, Stream stream, char* into, size_t size, Wait wait);
  ssize_t peek(Request& request, Stream stream, const char** bytes, Wait wait);
  void skip(Request& request, size_t size);
  ssize_t write(Request& request, RecordType stream, const char* bytes, size_t size, Wait wait);
  int flush(Request& request);
  int finish(Request& request, int status);
  bool aborted(Request& request);

 private:
  struct Lock;

  App() = default;
  ~App();
  int begin(const remuda_options& options);
  int begin_socket(int fd);

  // Waiting: app_wait.cc. until() is false when the deadline has passed first.
  using Condition = bool (*)(const App& app, const Request* request);
  bool until(Condition done, Request* request, Nanoseconds deadline);
  void sleep(Request* request, Nanoseconds deadline);
  void lead(Condition done, const Request* request, Nanoseconds deadline);
  void turn(Nanoseconds deadline);
  int timeout_of(Nanoseconds deadline) const;
  Nanoseconds next_deadline() const;
  void remind(Nanoseconds at);
  void wake_acceptor();
  void pass_on();
  void nudge();
  void poke();
  bool wants_step() const;

  // Connections: app_connections.cc.
  int add_connection(int socket);
  void accept_connections();
  void accept_failed(int error, bool unexpected);
  void listen_if_wanted();
  void on_event(const epoll_event& event);
  void watch(Connection& connection);
  void receive(Connection& connection);
  void discard(Connection& connection);
  void send(Connection& connection);
  void send_all();
  void settle(Connection& connection);
  void bury(Connection& connection);
  void clear_graves();
  void expire();
  void hear_timer();
  void begin_ending();
  void hear_wake();
  static bool owes_nothing(const App& app, const Request* request);

  // Dealing out: app_serve.cc.
  Request* next_news(Nanoseconds deadline, Condition done);
  Request* take_news();
  void note_cycle(Nanoseconds time);
  bool may_wait_for_others(const Request& request) const;
  void dispatch(Request& request, const remuda_handler& handler);
  void serve_thread();
  static void* run_thread(void* app);

  // One request's input and output: app_exchange.cc.
  int wait_for_input(Request& request);
  int make_room(Request& request, RecordType stream, Wait wait);
  void put_record(Request& request);
  bool look(Request& request);
  void go_on(Request& request);
  void demand(Request& request);

  // CGI: app_cgi.cc. The one request is read from the environment, fd 0, and written to fds 1 and 2.
  int begin_cgi();
  void give_up_cgi(Request& request);
  int fill_cgi(Request& request);
  void write_cgi(Request& request, Chunk& chunk);
  void finish_cgi(Request& request, int status);

  pthread_mutex_t mutex_;
  int epoll_ = -1;
  int wake_ = -1;   // eventfd: a signal, or remuda_stop()
  int timer_ = -1;  // timerfd: wakes the program's event loop, see remind()
  int listener_ = -1;
  bool listening_ = false;  // epoll watches it
  bool cgi_ = false;
  bool one_connection_ = false;
  bool stepping_ = false;  // the program's event loop waits for epoll_ and calls step()
  uint32_t steps_ = 0;     // threads that are in step() now
  std::atomic<bool> stop_ = false;
  uint32_t threads_ = 1;
  PeerList peers_;

  List<Connection, AllTag> connections_;
  List<Connection, AgainTag> again_;
  List<Connection, FreshTag> fresh_;
  List<Connection, AllTag> graves_;
  uint32_t connection_count_ = 0;
  uint32_t lingering_ = 0;
  Nanoseconds rests_until_ = 0;  // accepting does: there was no descriptor or no memory for one more
  Nanoseconds timer_at_ = 0;     // when timer_ goes off; 0: it does not

  bool leading_ = false;
  // What the leader waits for while it sleeps in epoll_wait; null: it does not sleep. See nudge().
  Condition leader_done_ = nullptr;
  const Request* leader_request_ = nullptr;
  bool poked_ = false;
  Array<Waiter*> sleepers_;  // each on its thread's stack
  uint32_t acceptors_ = 0;   // threads that wait for a request

  // When answers may wait for others: app_serve.cc.
  pthread_t last_taker_{};
  Nanoseconds handed_out_at_ = 0;
  Nanoseconds owed_since_ = 0;   // 0: nothing is owed
  uint32_t short_ones_ = 0;      // requests in a row that took one thread no time worth speaking of
  bool held_up_others_ = false;  // answers wait while the last one that was handed out is worked on
  Nanoseconds debt_ = 0;         // quick requests that are due before an answer waits again
  Nanoseconds looked_at_ = 0;
  const remuda_handler* handler_ = nullptr;

  int cgi_status_ = 0;
  uint64_t cgi_left_ = 0;  // of the body
};

}  // namespace remuda::app
