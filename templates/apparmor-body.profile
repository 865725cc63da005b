profile {{name}} flags=(attach_disconnected,mediate_deleted) {
{{rules}}
  # What the container itself needs.
  # Whoever runs the container may stop it: the engine is not confined, or its runtime has a
  # profile of its own.
  signal (receive) peer=unconfined,
  signal (receive) peer=runc,
  signal (receive) peer=crun,
  # Standard input and output: of a container in the background, and of one with a terminal.
  /dev/null rw,
  /dev/pts/@{int} rw,
  /dev/console rw,
{{denies}}{{children}}}
