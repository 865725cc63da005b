// SPDX-License-Identifier: Apache-2.0
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <signal.h>

#include "tracer/outcome.h"
#include "whittle/command.h"

#define EXITED(n) ((n) << 8)

/* Each way a recording can end, and what is said of it. */
static const struct {
	struct wh_outcome o;
	const char *text, *load;
	bool failed, complete;
} table[] = {
	{{.ended = true, .by_itself = true}, "exited 0", "", false, true},
	{{.ended = true, .by_itself = true, .status = EXITED(3)}, "exited 3", "", true, true},
	{{.ended = true, .by_itself = true, .status = SIGSEGV},
	 "killed by SIGSEGV",
	 "",
	 true,
	 true},
	{{.ended = true, .by_itself = true, .status = SIGABRT | 0x80},
	 "killed by SIGABRT",
	 "",
	 true,
	 true},
	/* whittle passed SIGHUP on, and it died of that: so it was asked to. */
	{{.ended = true, .by_itself = true, .status = SIGHUP, .forwarded = SIGHUP},
	 "killed by SIGHUP",
	 "",
	 false,
	 true},
	{{.ended = true, .by_itself = true, .unready = true},
	 "exited 0 before it was ready",
	 "",
	 true,
	 true},
	{{.stop = WH_STOP_DONE, .ended = true, .status = SIGTERM, .planned = true},
	 "stopped by whittle",
	 "",
	 false,
	 true},
	{{.stop = WH_STOP_DONE, .ended = true, .status = EXITED(143), .planned = true},
	 "stopped by whittle",
	 "",
	 false,
	 true},
	{{.stop = WH_STOP_DONE,
	  .ended = true,
	  .status = SIGQUIT,
	  .stop_signal = SIGQUIT,
	  .planned = true},
	 "stopped by whittle",
	 "",
	 false,
	 true},
	{{.stop = WH_STOP_DONE, .ended = true, .status = SIGSEGV, .planned = true},
	 "stopped by whittle, killed by SIGSEGV",
	 "",
	 true,
	 true},
	{{.stop = WH_STOP_DONE, .ended = true, .status = SIGKILL, .killed = true, .grace = 2.5},
	 "stopped by whittle, killed after 2.5 s",
	 "",
	 false,
	 true},
	/* A daemon was left to stop: the first process had ended well, or badly. */
	{{.stop = WH_STOP_DONE, .ended = true, .by_itself = true},
	 "stopped by whittle",
	 "",
	 false,
	 true},
	{{.stop = WH_STOP_DONE, .ended = true, .by_itself = true, .status = EXITED(1)},
	 "stopped by whittle, exited 1",
	 "",
	 true,
	 true},
	{{.stop = WH_STOP_SIGNAL, .signal = SIGINT, .ended = true},
	 "stopped by SIGINT",
	 "",
	 false,
	 true},
	{{.stop = WH_STOP_SIGNAL, .signal = SIGINT, .ended = true, .planned = true},
	 "stopped by SIGINT",
	 "",
	 false,
	 false},
	{{.stop = WH_STOP_SIGNAL, .signal = SIGINT, .ended = true, .unready = true},
	 "stopped by SIGINT",
	 "",
	 false,
	 false},
	{{.stop = WH_STOP_SIGNAL, .signal = SIGQUIT, .ended = true, .status = SIGQUIT},
	 "stopped by SIGQUIT",
	 "",
	 false,
	 true},
	{{.stop = WH_STOP_SIGNAL,
	  .signal = SIGINT,
	  .ended = true,
	  .status = SIGKILL,
	  .killed = true,
	  .hurried = true},
	 "stopped by SIGINT, killed at once",
	 "",
	 false,
	 false},
	{{.stop = WH_STOP_NOT_READY, .ended = true, .unready = true, .ready_timeout = 60},
	 "not ready within 60 s",
	 "",
	 true,
	 false},
	{{.stop = WH_STOP_DONE,
	  .ended = true,
	  .load = true,
	  .load_started = true,
	  .load_ended = true},
	 "stopped by whittle",
	 "exited 0",
	 false,
	 true},
	{{.stop = WH_STOP_DONE, .ended = true, .load = true, .load_started = true},
	 "stopped by whittle",
	 "stopped by whittle",
	 false,
	 true},
	{{.stop = WH_STOP_LOAD_FAILED,
	  .ended = true,
	  .load = true,
	  .load_started = true,
	  .load_ended = true,
	  .load_status = EXITED(2)},
	 "stopped by whittle: the load failed",
	 "exited 2",
	 true,
	 false},
	{{.ended = true, .by_itself = true, .load = true, .load_started = true},
	 "exited 0",
	 "stopped: the workload ended first",
	 true,
	 true},
	{{.ended = true, .by_itself = true, .load = true}, "exited 0", "not started", true, true},
	{{.stop = WH_STOP_NOT_READY,
	  .ended = true,
	  .unready = true,
	  .ready_timeout = 1,
	  .load = true},
	 "not ready within 1 s",
	 "not started",
	 true,
	 false},
};

static void test_table(void)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(table); i++) {
		struct wh_buf text = {0}, load = {0};
		wh_auto(str) said = NULL;
		wh_auto(str) of_load = NULL;

		wh_outcome_text(&text, &table[i].o);
		wh_outcome_load(&load, &table[i].o);
		said = wh_buf_take(&text);
		of_load = wh_buf_take(&load);
		CU_ASSERT_STRING_EQUAL(said, table[i].text);
		CU_ASSERT_STRING_EQUAL(of_load, table[i].load);
		CU_ASSERT_EQUAL(wh_outcome_failed(&table[i].o), table[i].failed);
		CU_ASSERT_EQUAL(wh_outcome_complete(&table[i].o), table[i].complete);
	}
}

static void test_signals(void)
{
	const struct {
		int sig;
		const char *name;
	} names[] = {{SIGTERM, "SIGTERM"},	   {SIGSYS, "SIGSYS"}, {SIGRTMIN, "SIGRTMIN+0"},
		     {SIGRTMIN + 3, "SIGRTMIN+3"}, {32, "signal 32"},  {0, "signal 0"},
		     {1000, "signal 1000"}};

	for (size_t i = 0; i < WH_ARRAY_SIZE(names); i++) {
		struct wh_buf b = {0};
		wh_auto(str) text = NULL;

		wh_command_signal(&b, names[i].sig);
		text = wh_buf_take(&b);
		CU_ASSERT_STRING_EQUAL(text, names[i].name);
	}
}

int main(void)
{
	CU_pSuite suite;
	int failed;

	CU_initialize_registry();
	suite = CU_add_suite("outcome", NULL, NULL);
	CU_add_test(suite, "each way to end", test_table);
	CU_add_test(suite, "names of signals", test_signals);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() != 0 || CU_get_error() != CUE_SUCCESS;
	CU_cleanup_registry();
	return failed;
}
