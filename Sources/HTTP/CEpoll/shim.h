/* shim.h: Linux's readiness interface, which Glibc's module leaves out. */
#pragma once
#include <sys/epoll.h>
