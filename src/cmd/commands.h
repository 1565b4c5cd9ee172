/* The subcommands, in the order that help lists them. A member is src/cmd/NAME.c with `const clr_command clr_command_NAME`. */
#define CLR_COMMANDS(X) X(doctor)
