//! placeholder until the simulator is here
