import { type ReactNode, useId } from "react";

/** One part of the page, named by its heading. */
export function Card(props: { heading: string; testId: string; children: ReactNode }) {
  const id = useId();
  return (
    <section className="card" aria-labelledby={id} data-testid={props.testId}>
      <h2 id={id}>{props.heading}</h2>
      {props.children}
    </section>
  );
}
