import { type ReactNode, useId } from "react";

/** One part of the page, named by its heading, with a line that explains it. */
export function Card(props: {
  heading: string;
  lead?: string;
  testId: string;
  /** The page's address of it, after `#`. */
  id?: string;
  end?: ReactNode;
  children: ReactNode;
}) {
  const heading = useId();
  return (
    <section className="card" id={props.id} aria-labelledby={heading} data-testid={props.testId}>
      <header className="card-head">
        <h2 id={heading}>{props.heading}</h2>
        {props.end}
      </header>
      {props.lead && <p className="note">{props.lead}</p>}
      {props.children}
    </section>
  );
}
