// SPDX-License-Identifier: Apache-2.0
//
// Templates against a test that is their spawner: what they say, what a fork of them is, how they end.
#include <signal.h>
#include <sys/resource.h>

#include <thread>

#include "testing_template.h"

extern "C" char** environ;

namespace remuda::app {
namespace {

using testing::TemplateProgram;
using testing::Told;

class Templates : public TemplateProgram {
 protected:
  void ready() const {
    const Told told = expect(TemplateKind::kReady);
    EXPECT_GT(told.get<int64_t>(0), 0);
    EXPECT_EQ(told.from, pid_);
  }
  // Those that are the application's: the others close when it is executed.
  static std::string open_descriptors() {
    std::string text;
    for (int fd = 0; fd < 256; ++fd) {
      if (fcntl(fd, F_GETFD) == 0) text += std::to_string(fd) + " ";
    }
    return text;
  }
  // What a fork writes to its standard output.
  std::string output_of_fork(std::string_view directory, std::string_view environment) const {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    send(fork_record(7, directory, "/bin/program", environment), {null, ends[1], null});
    ::close(null);
    ::close(ends[1]);
    std::string output;
    char bytes[4096];
    for (ssize_t got; (got = read(ends[0], bytes, sizeof(bytes))) > 0;) {
      output.append(bytes, static_cast<size_t>(got));
    }
    ::close(ends[0]);
    return output;
  }
};

TEST_F(Templates, AreNoneWithoutTheVariable) {
  unsetenv("REMUDA_TEMPLATE");
  EXPECT_EQ(remuda_template_open(), nullptr);
  EXPECT_EQ(errno, ENOENT);
  for (const char* wrong : {"", "0", "3x", "999", "-1", "99999999999999"}) {
    setenv("REMUDA_TEMPLATE", wrong, 1);
    EXPECT_EQ(remuda_template_open(), nullptr) << wrong;
    EXPECT_EQ(errno, EBADF) << wrong;
    EXPECT_EQ(getenv("REMUDA_TEMPLATE"), nullptr) << wrong;
  }
}

TEST_F(Templates, SayWhatTheyLoad) {
  start([](remuda_template* self) {
    remuda_template_step(self, "import application");
    remuda_template_warn(self, "slow disk");
    remuda_template_step(self, std::string(70'000, 'x').c_str());
  });
  const Told step = expect(TemplateKind::kStep);
  EXPECT_GT(step.get<int64_t>(0), 0);
  EXPECT_EQ(step.text(8), "import application");
  EXPECT_EQ(expect(TemplateKind::kWarning).text(0), "slow disk");
  EXPECT_EQ(expect(TemplateKind::kStep).text(8).size(), kMostText);
  ready();
}

TEST_F(Templates, ForkAndTellTheEnd) {
  start([](remuda_template*) {}, [] { return 7; });
  ready();
  ask(41);
  const Told forked = expect(TemplateKind::kForked);
  EXPECT_EQ(forked.get<uint64_t>(0), 41U);
  EXPECT_NE(forked.from, pid_);
  const Told ended = expect(TemplateKind::kEnded);
  EXPECT_EQ(ended.from, pid_);
  EXPECT_EQ(ended.get<int32_t>(0), forked.from);
  EXPECT_EQ(WEXITSTATUS(ended.get<int32_t>(4)), 7);
  EXPECT_GT(ended.get<int64_t>(24), 100) << "KiB";
  EXPECT_TRUE(quiet());
}

TEST_F(Templates, ForkManyAtOnce) {
  start([](remuda_template*) {},
        [] {
          char byte;
          return static_cast<int>(read(0, &byte, 1));
        });
  ready();
  int hold[2];
  ASSERT_EQ(pipe2(hold, O_CLOEXEC), 0);
  for (uint64_t id = 1; id <= 50; ++id) send(fork_record(id, "", "", ""), {hold[0], hold[1], hold[1]});
  ::close(hold[0]);
  for (int i = 0; i < 50; ++i) expect(TemplateKind::kForked);
  EXPECT_TRUE(quiet());
  const std::string bytes(50, 'b');
  ASSERT_EQ(write(hold[1], bytes.data(), bytes.size()), 50);
  ::close(hold[1]);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(WEXITSTATUS(expect(TemplateKind::kEnded).get<int32_t>(4)), 1);
}

TEST_F(Templates, GiveTheForkItsOwn) {
  std::string open_before;
  start([&](remuda_template*) { open_before = open_descriptors(); },
        [&] {
          std::string text;
          for (char** one = environ; *one != nullptr; ++one) text += std::string(*one) + "\n";
          char directory[256];
          text += getcwd(directory, sizeof(directory)) + std::string("\n");
          text += getpgrp() == getpid() ? "group\n" : "no group\n";
          text += open_descriptors() == open_before ? "descriptors\n" : open_descriptors() + open_before;
          sigset_t mask;
          sigprocmask(SIG_BLOCK, nullptr, &mask);
          text += sigismember(&mask, SIGCHLD) != 0 ? "blocked" : "open";
          return write(1, text.data(), text.size()) < 0 ? 1 : 0;
        });
  ready();
  EXPECT_EQ(output_of_fork(folder_, std::string_view("A=1\0B=\0", 7)),
            "A=1\nB=\n" + folder_ + "\ngroup\ndescriptors\nopen");
}

TEST_F(Templates, GiveTheForkADefaultUnlessItHasItsOwn) {
  start(
      [](remuda_template* self) {
        EXPECT_EQ(remuda_template_default_variable(self, "LC=a"), 0);
        EXPECT_EQ(remuda_template_default_variable(self, "LC=b"), 0);
        EXPECT_EQ(remuda_template_default_variable(self, "no variable"), -1);
      },
      [] {
        std::string text;
        for (char** one = environ; *one != nullptr; ++one) text += std::string(*one) + " ";
        return write(1, text.data(), text.size()) < 0 ? 1 : 0;
      });
  ready();
  EXPECT_EQ(output_of_fork("", ""), "LC=b ");
  EXPECT_EQ(output_of_fork("", std::string_view("A=1\0LCC=\0", 9)), "A=1 LCC= LC=b ");
  EXPECT_EQ(output_of_fork("", std::string_view("LC=\0A=1\0", 8)), "LC= A=1 ");
}

TEST_F(Templates, ForkHasTheDescriptorsThatWereOpenWhileLoading) {
  start([](remuda_template*) { dup2(0, 41); },
        [] { return fcntl(41, F_GETFD) >= 0 && fcntl(40, F_GETFD) < 0 && fcntl(42, F_GETFD) < 0 ? 0 : 1; });
  ready();
  ask(1);
  expect(TemplateKind::kForked);
  EXPECT_EQ(expect(TemplateKind::kEnded).get<int32_t>(4), 0);
}

TEST_F(Templates, WorkWithoutStandardDescriptors) {
  start(
      [](remuda_template*) {
        for (int fd : {0, 1, 2}) ::close(fd);
      },
      [] { return fcntl(0, F_GETFD) == 0 && fcntl(1, F_GETFD) == 0 && fcntl(2, F_GETFD) == 0 ? 0 : 1; });
  ready();
  ask(1);
  expect(TemplateKind::kForked);
  EXPECT_EQ(expect(TemplateKind::kEnded).get<int32_t>(4), 0);
}

TEST_F(Templates, AskTheProgram) {
  pid_ = fork();
  if (pid_ == 0) {
    ::close(sockets_[0]);
    setenv("REMUDA_TEMPLATE", std::to_string(sockets_[1]).c_str(), 1);
    remuda_template* self = remuda_template_open();
    remuda_template_ready(self);
    bool good = remuda_template_wait(self) == 1 && std::string("/a/b.cgi") == remuda_template_program(self);
    errno = ENOMEM;
    remuda_template_parent(self, -1);
    good = good && remuda_template_wait(self) == 1 && remuda_template_program(self) == nullptr;
    errno = EAGAIN;
    remuda_template_parent(self, -1);
    _exit(good ? 0 : 1);
  }
  ready();
  ask(1, "/", "/a/b.cgi", std::string_view("X=1\0", 4));
  const Told refused = expect(TemplateKind::kRefused);
  EXPECT_EQ(refused.get<uint64_t>(0), 1U);
  EXPECT_EQ(refused.get<int32_t>(8), ENOMEM);
  EXPECT_EQ(refused.text(12), "fork");
  ask(2);
  EXPECT_EQ(expect(TemplateKind::kRefused).get<int32_t>(8), EAGAIN);
  EXPECT_EQ(wait_for_end(), 0);
}

TEST_F(Templates, RefuseWhatCannotBeSettled) {
  start([](remuda_template*) {});
  ready();
  ask(5, folder_ + "/missing");
  const Told refused = expect(TemplateKind::kRefused);
  EXPECT_EQ(refused.from, pid_);
  EXPECT_EQ(refused.get<uint64_t>(0), 5U);
  EXPECT_EQ(refused.get<int32_t>(8), ENOENT);
  EXPECT_EQ(refused.text(12), "the new process: directory");
  send(fork_record(6, "", "", ""), {});
  EXPECT_EQ(expect(TemplateKind::kRefused).get<int32_t>(8), EPROTO);
  EXPECT_TRUE(quiet());
  ask(7);
  expect(TemplateKind::kForked);
  expect(TemplateKind::kEnded);
}

TEST_F(Templates, RefuseForAForkThatDiesAtOnce) {
  pid_ = fork();
  if (pid_ == 0) {
    ::close(sockets_[0]);
    setenv("REMUDA_TEMPLATE", std::to_string(sockets_[1]).c_str(), 1);
    remuda_template* self = remuda_template_open();
    remuda_template_ready(self);
    while (remuda_template_wait(self) > 0) {
      const pid_t pid = fork();
      if (pid == 0) _exit(3);
      remuda_template_parent(self, pid);
    }
    _exit(0);
  }
  ::close(sockets_[1]);
  sockets_[1] = -1;
  ready();
  for (uint64_t id = 1; id < 300; ++id) {
    ask(id);
    const Told refused = expect(TemplateKind::kRefused);
    ASSERT_EQ(refused.get<uint64_t>(0), id);
    ASSERT_EQ(refused.get<int32_t>(8), ECHILD);
  }
}

TEST_F(Templates, EndAtGarbage) {
  for (const std::string& garbage : {std::string("x"), std::string(20, '\0'), fork_record(1, "", "", "A=1"),
                                     fork_record(1, std::string("a\0b", 3), "", ""),
                                     std::string("\1\0\1\0\x10\0\0\0\1\0\0\0\0\0\0\0", 16)}) {
    leave();
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets_), 0);
    start([](remuda_template*) {});
    expect(TemplateKind::kReady);
    send(garbage, {0, 1, 2});
    EXPECT_EQ(wait_for_end(), 0);
  }
}

TEST_F(Templates, EndWithTheSpawnerAndLeaveTheirForks) {
  int hold[2];
  ASSERT_EQ(pipe2(hold, O_CLOEXEC), 0);
  start([](remuda_template*) {},
        [] {
          char byte;
          return static_cast<int>(read(0, &byte, 1));
        });
  ready();
  send(fork_record(1, "", "", ""), {hold[0], 1, 2});
  const pid_t fork = expect(TemplateKind::kForked).from;
  leave();
  EXPECT_EQ(wait_for_end(), 0);
  EXPECT_EQ(kill(fork, 0), 0);
  ASSERT_EQ(write(hold[1], "b", 1), 1);
  int status = 0;
  EXPECT_EQ(waitpid(fork, &status, 0), fork);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  ::close(hold[0]);
  ::close(hold[1]);
}

TEST_F(Templates, AreUnfitWithThreads) {
  start([](remuda_template*) {
    auto* thread = new std::thread([] {
      pthread_setname_np(pthread_self(), "timer");
      pause();
    });
    thread->detach();
    usleep(20'000);
  });
  EXPECT_EQ(expect(TemplateKind::kUnfit).text(0), "1 thread runs, which no fork would have: timer");
  EXPECT_EQ(wait_for_end(), 0);
}

TEST_F(Templates, MayKnowTheirThreads) {
  start([](remuda_template* self) {
    new std::thread([] { pause(); });
    remuda_template_expect_threads(self, 1);
  });
  ready();
  send(fork_record(1, "", "", ""), {0, 1, 2});
  const pid_t fork = expect(TemplateKind::kForked).from;
  EXPECT_EQ(expect(TemplateKind::kEnded).get<int32_t>(0), fork) << "whichever thread its end was told";
}

TEST_F(Templates, WarnOfWhatForksWouldShare) {
  pid_t started = 0;
  int control[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control), 0);
  start([&](remuda_template*) {
    started = fork();
    if (started == 0) {
      ::close(control[0]);
      pause();
    }
    if (write(control[0], &started, sizeof(started)) < 0) _exit(1);
    ::close(control[0]);
  });
  ASSERT_EQ(read(control[1], &started, sizeof(started)), static_cast<ssize_t>(sizeof(started)));
  const Told connection = expect(TemplateKind::kWarning);
  EXPECT_EQ(connection.text(0), "descriptor " + std::to_string(control[1]) +
                                    " is a connection to a process, which all forks share");
  const Told process = expect(TemplateKind::kWarning);
  EXPECT_NE(process.text(0).find("process " + std::to_string(started) + " (applib_test) was started"),
            std::string::npos)
      << process.text(0);
  ready();
  kill(started, SIGKILL);
  ask(1);
  expect(TemplateKind::kForked);
  const Told ended = expect(TemplateKind::kEnded);
  EXPECT_NE(ended.get<int32_t>(0), started);
  EXPECT_TRUE(quiet());
  ::close(control[0]);
  ::close(control[1]);
}

TEST_F(Templates, HearEndsThoughTheApplicationIgnoresThem) {
  start([](remuda_template*) { signal(SIGCHLD, SIG_IGN); },
        [] { return signal(SIGCHLD, SIG_DFL) == SIG_IGN ? 0 : 1; });
  ready();
  ask(1);
  expect(TemplateKind::kForked);
  EXPECT_EQ(expect(TemplateKind::kEnded).get<int32_t>(4), 0);
}

TEST_F(Templates, BelongToOneProcess) {
  start([](remuda_template* self) {
    const pid_t other = fork();
    if (other == 0) {
      int wrong = 0;
      wrong += remuda_template_step(self, "mine") == 0 || errno != EPERM ? 1 : 0;
      wrong += remuda_template_ready(self) == 0 || errno != EPERM ? 1 : 0;
      wrong += remuda_template_wait(self) >= 0 || errno != EPERM ? 1 : 0;
      wrong += remuda_template_child(self) == 0 || errno != EPERM ? 1 : 0;
      wrong += remuda_template_watch(self, "/") == 0 || errno != EPERM ? 1 : 0;
      _exit(wrong);
    }
    int status = -1;
    waitpid(other, &status, 0);
    remuda_template_step(self, status == 0 ? "good" : "bad");
  });
  EXPECT_EQ(expect(TemplateKind::kStep).text(8), "good");
  ready();
}

// --- what has changed

TEST_F(Templates, SayThatAFileHasChanged) {
  const std::string one = file("one.py");
  const std::string two = file("two.py");
  settle_clock();
  start([&](remuda_template* self) {
    EXPECT_EQ(remuda_template_watch(self, one.c_str()), 0);
    EXPECT_EQ(remuda_template_watch(self, two.c_str()), 0);
    EXPECT_EQ(remuda_template_watch(self, "/missing/file"), -1);
    EXPECT_EQ(errno, ENOENT);
  });
  ready();
  file("three.py");
  EXPECT_TRUE(quiet());
  file("two.py", "2");
  EXPECT_EQ(expect(TemplateKind::kChanged).text(0), two);
  file("one.py", "2");
  file("one.py", "3");
  EXPECT_EQ(expect(TemplateKind::kChanged).text(0), one) << "again, though not twice";
  EXPECT_TRUE(quiet());
  ask(1);
  expect(TemplateKind::kForked);  // the old one goes on
  expect(TemplateKind::kEnded);
}

TEST_F(Templates, SeeWhatWasReplacedOrRemoved) {
  for (const char* how : {"mv $D/new $D/app.py", "rm $D/app.py", "touch $D/app.py", "mv $D/app.py $D/x",
                          "mv $D/lib $D/gone", "rm -r $D/lib"}) {
    file("app.py");
    file("new");
    ASSERT_EQ(system(("mkdir -p " + folder_ + "/lib; touch " + folder_ + "/lib/module.py").c_str()), 0);
    settle_clock();
    leave();
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets_), 0);
    start([&](remuda_template* self) {
      remuda_template_watch(self, (folder_ + "/app.py").c_str());
      remuda_template_watch(self, (folder_ + "/lib/module.py").c_str());
    });
    expect(TemplateKind::kReady);
    ASSERT_EQ(system(("D=" + folder_ + "; " + how).c_str()), 0);
    EXPECT_EQ(expect(TemplateKind::kChanged).text(0).substr(0, folder_.size()), folder_) << how;
    leave();
    EXPECT_EQ(wait_for_end(), 0);
    ASSERT_EQ(system(("rm -rf " + folder_ + "/*").c_str()), 0);
  }
}

TEST_F(Templates, SeeADeploymentsLinkMove) {
  ASSERT_EQ(system(("cd " + folder_ + "; mkdir 1 2; touch 1/app.py 2/app.py; ln -s 1 current").c_str()), 0);
  settle_clock();
  start([&](remuda_template* self) {
    EXPECT_EQ(remuda_template_watch(self, (folder_ + "/current/app.py").c_str()), 0);
  });
  ready();
  ASSERT_EQ(system(("cd " + folder_ + "; ln -s 2 next; mv -T next current").c_str()), 0);
  EXPECT_EQ(expect(TemplateKind::kChanged).text(0), folder_ + "/current");
}

TEST_F(Templates, SeeWhatChangedWhileTheyLoaded) {
  start([&](remuda_template* self) {
    settle_clock();
    remuda_template_watch(self, file("app.py").c_str());
  });
  ready();
  EXPECT_EQ(expect(TemplateKind::kChanged).text(0), folder_ + "/app.py");
}

TEST_F(Templates, RefuseForksOfAStaleScript) {
  const std::string script = file("hello.cgi");
  const std::string module = file("module.py");
  settle_clock();
  start([&](remuda_template* self) {
    EXPECT_EQ(remuda_template_watch_closely(self, script.c_str()), 0);
    EXPECT_EQ(remuda_template_watch(self, module.c_str()), 0);
  });
  ready();
  file("module.py", "two");
  expect(TemplateKind::kChanged);
  ask(1);
  expect(TemplateKind::kForked);
  expect(TemplateKind::kEnded);
  file("hello.cgi", "two");
  for (const uint64_t id : {2, 3}) {
    ask(id);
    Told refused = next();
    while (refused.kind == TemplateKind::kChanged) refused = next();
    EXPECT_EQ(refused.kind, TemplateKind::kRefused);
    EXPECT_EQ(refused.get<uint64_t>(0), id);
    EXPECT_EQ(refused.get<int32_t>(8), ESTALE);
    EXPECT_EQ(refused.text(12), script);
  }
}

TEST_F(Templates, LeaveNoDescriptorOpen) {
  start([](remuda_template*) {});
  ready();
  const auto count = [this] {
    const std::string command = "ls /proc/" + std::to_string(pid_) + "/fd | wc -l";
    FILE* pipe = popen(command.c_str(), "re");
    int number = 0;
    if (fscanf(pipe, "%d", &number) != 1) number = -1;
    pclose(pipe);
    return number;
  };
  const int before = count();
  for (uint64_t id = 1; id <= 300; ++id) {
    ask(id, id % 3 == 0 ? "/missing" : "");
    if (next().kind == TemplateKind::kForked) expect(TemplateKind::kEnded);
    send(fork_record(1000 + id, "", "", ""), {0, 1, 2, 0, 1});
    expect(TemplateKind::kRefused);
  }
  EXPECT_EQ(count(), before);
}

}  // namespace
}  // namespace remuda::app
